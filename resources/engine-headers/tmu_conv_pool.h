// A convolution with its 2x2 max pool, bias and relu in one pass, and its gradients, for images of few channels: there
// oneDNN's convolution is slow, and what it writes for the pool to read is many times the image.
// Needs AVX2 and FMA, asked for at run time.
#ifndef TMU_CONV_POOL_H_
#define TMU_CONV_POOL_H_

#include <immintrin.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <vector>

#define TMU_AVX2 __attribute__((target("avx2,fma")))

namespace tmu {

inline bool HasAvx2() {
  static const bool has = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  return has;
}

// Images [batch, height, width, channels], kernels [kernel_height, kernel_width, channels, filters], all strides 1; of
// the convolution's rows and columns the pool leaves out an odd last one. Filters are a multiple of 8.
struct ConvPoolShape {
  size_t batch, height, width, channels;
  size_t kernel_height, kernel_width, filters;
  size_t pad_top, pad_left;
  size_t conv_height, conv_width;

  size_t pool_height() const { return conv_height / 2; }
  size_t pool_width() const { return conv_width / 2; }
  // Of the image with its zeros around, as far as the pool looks.
  size_t padded_height() const { return 2 * pool_height() + kernel_height - 1; }
  size_t padded_row() const { return (2 * pool_width() + kernel_width - 1) * channels; }
  size_t taps() const { return kernel_height * kernel_width * channels; }
};

// The image in the middle of zeros; the zeros around it must be there.
inline void Pad(const ConvPoolShape &s, const float *image, float *padded) {
  const size_t rows = std::min(s.height, s.padded_height() - s.pad_top);
  const size_t row = std::min(s.width * s.channels, s.padded_row() - s.pad_left * s.channels);
  for (size_t i = 0; i < rows; i++) {
    std::memcpy(padded + (i + s.pad_top) * s.padded_row() + s.pad_left * s.channels, image + i * s.width * s.channels,
                row * sizeof(float));
  }
}

// The winner of each of 8 filters (see ConvPool): its place, where the relu lets it pass.
TMU_AVX2 inline __m256i WinnersOf(int32_t bits) {
  const __m256i shifted = _mm256_srlv_epi32(_mm256_set1_epi32(bits), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
  return _mm256_and_si256(shifted, _mm256_set1_epi32(0x10101));
}

// What WinnersOf() is where value p of the 4 has won.
constexpr int32_t Place(int p) { return 0x10000 | (p & 1) | (p & 2) << 7; }

// One image, 8 kBlocks filters. weights: [taps, 8 kBlocks]. y and winners: of the first of these filters.
template <int kBlocks>
TMU_AVX2 void ConvPoolImage(const ConvPoolShape &s, const float *padded, const float *weights, const float *bias,
                            float *y, int32_t *winners) {
  const size_t row = s.padded_row(), kernel_row = s.kernel_width * s.channels;
  for (size_t i = 0; i < s.pool_height(); i++) {
    for (size_t j = 0; j < s.pool_width(); j++) {
      __m256 sums[4][kBlocks];
      #pragma GCC unroll 9
      for (int p = 0; p < 4; p++) {
        #pragma GCC unroll 9
        for (int b = 0; b < kBlocks; b++) sums[p][b] = _mm256_setzero_ps();
      }
      const float *window = padded + 2 * i * row + 2 * j * s.channels;
      const float *weight = weights;
      for (size_t r = 0; r < s.kernel_height; r++, window += row) {
        for (size_t c = 0; c < kernel_row; c++, weight += 8 * kBlocks) {
          __m256 w[kBlocks];
          #pragma GCC unroll 9
          for (int b = 0; b < kBlocks; b++) w[b] = _mm256_loadu_ps(weight + 8 * b);
          const float *const corners[4] = {window + c, window + s.channels + c, window + row + c,
                                           window + row + s.channels + c};
          #pragma GCC unroll 9
          for (int p = 0; p < 4; p++) {
            const __m256 x = _mm256_broadcast_ss(corners[p]);
            #pragma GCC unroll 9
            for (int b = 0; b < kBlocks; b++) sums[p][b] = _mm256_fmadd_ps(x, w[b], sums[p][b]);
          }
        }
      }
      #pragma GCC unroll 9
      for (int b = 0; b < kBlocks; b++) {
        __m256 largest = sums[0][b];
        uint32_t right = 0, below = 0;
#pragma GCC unroll 9
        for (int p = 1; p < 4; p++) {
          const __m256 larger = _mm256_cmp_ps(sums[p][b], largest, _CMP_GT_OQ);
          largest = _mm256_blendv_ps(largest, sums[p][b], larger);
          const uint32_t won = static_cast<uint32_t>(_mm256_movemask_ps(larger));
          right = p == 2 ? right & ~won : right | won;
          if (p >= 2) below |= won;
        }
        // The second operand is the result where one of them is no number.
        const __m256 rectified =
            _mm256_max_ps(_mm256_setzero_ps(), _mm256_add_ps(largest, _mm256_loadu_ps(bias + 8 * b)));
        _mm256_storeu_ps(y + 8 * b, rectified);
        const __m256 passes = _mm256_cmp_ps(rectified, _mm256_setzero_ps(), _CMP_GT_OQ);
        winners[b] = static_cast<int32_t>(right | below << 8 | static_cast<uint32_t>(_mm256_movemask_ps(passes)) << 16);
      }
      y += s.filters;
      winners += s.filters / 8;
    }
  }
}

// x: images, filter, bias -> y: [batch, pool_height, pool_width, filters] and all that its gradients need to know,
// winners: [batch, pool_height, pool_width, filters / 8]. Of filter f of 8, bit f says that the largest value of the window
// (the first of equal ones) is a right one, bit 8 + f that it is a lower one, bit 16 + f that the relu lets it pass.
inline void ConvPool(const ConvPoolShape &s, const float *x, const float *filter, const float *bias, float *y,
                     int32_t *winners) {
  std::vector<float> padded(s.padded_height() * s.padded_row(), 0);
  std::vector<float> weights(s.taps() * s.filters);
  // The filters of a pass beside each other.
  size_t at = 0;
  for (size_t first = 0; first < s.filters; first += 16) {
    const size_t count = std::min<size_t>(16, s.filters - first);
    for (size_t tap = 0; tap < s.taps(); tap++, at += count) {
      std::memcpy(&weights[at], filter + tap * s.filters + first, count * sizeof(float));
    }
  }
  const size_t pooled = s.pool_height() * s.pool_width() * s.filters;
  for (size_t n = 0; n < s.batch; n++, x += s.height * s.width * s.channels, y += pooled, winners += pooled / 8) {
    Pad(s, x, padded.data());
    for (size_t first = 0; first < s.filters; first += 16) {
      (s.filters - first >= 16 ? ConvPoolImage<2> : ConvPoolImage<1>)(
          s, padded.data(), &weights[first * s.taps()], bias + first, y + first, winners + first / 8);
    }
  }
}

// Gradients of kTaps weights of 8 kBlocks filters from one image. offsets: of the taps in the padded image, from the
// window's first value. dy and winners: of the first of these filters. sums: [kTaps, 8 kBlocks]; bias: [8 kBlocks]
// or null.
template <int kTaps, int kBlocks>
TMU_AVX2 void ConvPoolTaps(const ConvPoolShape &s, const float *padded, const float *dy, const int32_t *winners,
                           const size_t *offsets, float *sums, float *bias) {
  __m256 total[kTaps][kBlocks], bias_total[kBlocks];
#pragma GCC unroll 9
  for (int b = 0; b < kBlocks; b++) {
    bias_total[b] = _mm256_setzero_ps();
#pragma GCC unroll 9
    for (int t = 0; t < kTaps; t++) total[t][b] = _mm256_setzero_ps();
  }
  const size_t row = s.padded_row();
  const size_t corners[4] = {0, s.channels, row, row + s.channels};
  for (size_t i = 0; i < s.pool_height(); i++) {
    for (size_t j = 0; j < s.pool_width(); j++, dy += s.filters, winners += s.filters / 8) {
      __m256 gradient[kBlocks];
      __m256i won[kBlocks];
#pragma GCC unroll 9
      for (int b = 0; b < kBlocks; b++) {
        gradient[b] = _mm256_loadu_ps(dy + 8 * b);
        won[b] = WinnersOf(winners[b]);
        if (bias == nullptr) continue;
        const __m256i passed = _mm256_cmpgt_epi32(won[b], _mm256_set1_epi32(0xffff));
        bias_total[b] = _mm256_add_ps(bias_total[b], _mm256_and_ps(gradient[b], _mm256_castsi256_ps(passed)));
      }
      const float *const window = padded + 2 * i * row + 2 * j * s.channels;
#pragma GCC unroll 9
      for (int p = 0; p < 4; p++) {
        const float *const corner = window + corners[p];
        __m256 here[kBlocks];
#pragma GCC unroll 9
        for (int b = 0; b < kBlocks; b++) {
          const __m256i chosen = _mm256_cmpeq_epi32(won[b], _mm256_set1_epi32(Place(p)));
          here[b] = _mm256_and_ps(gradient[b], _mm256_castsi256_ps(chosen));
        }
#pragma GCC unroll 9
        for (int t = 0; t < kTaps; t++) {
          const __m256 x = _mm256_broadcast_ss(corner + offsets[t]);
#pragma GCC unroll 9
          for (int b = 0; b < kBlocks; b++) total[t][b] = _mm256_fmadd_ps(x, here[b], total[t][b]);
        }
      }
    }
  }
#pragma GCC unroll 9
  for (int b = 0; b < kBlocks; b++) {
    if (bias != nullptr) _mm256_storeu_ps(bias + 8 * b, bias_total[b]);
#pragma GCC unroll 9
    for (int t = 0; t < kTaps; t++) _mm256_storeu_ps(sums + 8 * (t * kBlocks + b), total[t][b]);
  }
}

// x, dy and the winners of the forward pass -> gradients of the filter and of the bias. Sums within an image are in
// float, those over images in double, in a fixed order.
inline void ConvPoolGradient(const ConvPoolShape &s, const float *x, const float *dy, const int32_t *winners,
                             float *filter, float *bias) {
  using Taps = void (*)(const ConvPoolShape &, const float *, const float *, const int32_t *, const size_t *, float *,
                        float *);
  static const Taps one[] = {ConvPoolTaps<1, 1>, ConvPoolTaps<2, 1>, ConvPoolTaps<3, 1>, ConvPoolTaps<4, 1>,
                             ConvPoolTaps<5, 1>};
  static const Taps two[] = {ConvPoolTaps<1, 2>, ConvPoolTaps<2, 2>, ConvPoolTaps<3, 2>, ConvPoolTaps<4, 2>,
                             ConvPoolTaps<5, 2>};
  // What the registers hold.
  constexpr size_t kMost = 5;
  std::vector<float> padded(s.padded_height() * s.padded_row(), 0);
  std::vector<size_t> offsets;
  for (size_t r = 0; r < s.kernel_height; r++) {
    for (size_t c = 0; c < s.kernel_width * s.channels; c++) offsets.push_back(r * s.padded_row() + c);
  }
  std::vector<double> filter_sums(s.taps() * s.filters, 0), bias_sums(s.filters, 0);
  float part[16 * kMost], bias_part[16];
  const size_t pooled = s.pool_height() * s.pool_width() * s.filters;
  for (size_t n = 0; n < s.batch; n++, dy += pooled, winners += pooled / 8) {
    Pad(s, x + n * s.height * s.width * s.channels, padded.data());
    for (size_t first = 0; first < s.filters; first += 16) {
      const size_t width = std::min<size_t>(16, s.filters - first);
      for (size_t tap = 0; tap < s.taps(); tap += kMost) {
        const size_t count = std::min(kMost, s.taps() - tap);
        (width == 16 ? two : one)[count - 1](s, padded.data(), dy + first, winners + first / 8, &offsets[tap], part,
                                             tap == 0 ? bias_part : nullptr);
        for (size_t t = 0; t < count; t++) {
          for (size_t c = 0; c < width; c++) filter_sums[(tap + t) * s.filters + first + c] += part[t * width + c];
        }
      }
      for (size_t c = 0; c < width; c++) bias_sums[first + c] += bias_part[c];
    }
  }
  std::copy(filter_sums.begin(), filter_sums.end(), filter);
  std::copy(bias_sums.begin(), bias_sums.end(), bias);
}

// The gradient before pool, bias and relu: [batch, conv_height, conv_width, filters].
inline void ConvPoolSpread(const ConvPoolShape &s, const float *dy, const int32_t *winners, float *sums) {
  std::memset(sums, 0, s.batch * s.conv_height * s.conv_width * s.filters * sizeof(float));
  for (size_t n = 0; n < s.batch; n++) {
    for (size_t i = 0; i < s.pool_height(); i++) {
      for (size_t j = 0; j < s.pool_width(); j++, winners += s.filters / 8) {
        for (size_t c = 0; c < s.filters; c++, dy++) {
          const uint32_t bits = static_cast<uint32_t>(winners[c / 8]) >> (c % 8);
          if ((bits >> 16 & 1) == 0) continue;
          const size_t row = (n * s.conv_height + 2 * i + (bits >> 8 & 1)) * s.conv_width;
          sums[(row + 2 * j + (bits & 1)) * s.filters + c] = *dy;
        }
      }
    }
  }
}

}  // namespace tmu

#endif  // TMU_CONV_POOL_H_
