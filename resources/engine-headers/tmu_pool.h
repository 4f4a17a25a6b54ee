// A 2x2 max pool with bias and relu in one pass, and its gradients; and the same together with the convolution before it,
// for images of few channels: there oneDNN's convolution is slow, and what it writes for the pool to read is many times
// the image. Needs AVX2 and FMA, asked for at run time.
#ifndef TMU_POOL_H_
#define TMU_POOL_H_

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

// The winner of each of 8 filters (see PoolBiasRelu): its place, where the relu lets it pass.
TMU_AVX2 inline __m256i WinnersOf(int32_t bits) {
  const __m256i shifted = _mm256_srlv_epi32(_mm256_set1_epi32(bits), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
  return _mm256_and_si256(shifted, _mm256_set1_epi32(0x10101));
}

// What WinnersOf() is where value p of the 4 has won.
constexpr int32_t Place(int p) { return 0x10000 | (p & 1) | (p & 2) << 7; }

// The pool's value of 8 filters, biased and rectified, and its winners.
TMU_AVX2 inline int32_t PoolWindow(const __m256 values[4], const float *bias, float *y) {
  __m256 largest = values[0];
  uint32_t right = 0, below = 0;
#pragma GCC unroll 9
  for (int p = 1; p < 4; p++) {
    const __m256 larger = _mm256_cmp_ps(values[p], largest, _CMP_GT_OQ);
    largest = _mm256_blendv_ps(largest, values[p], larger);
    const uint32_t won = static_cast<uint32_t>(_mm256_movemask_ps(larger));
    right = p == 2 ? right & ~won : right | won;
    if (p >= 2) below |= won;
  }
  // The second operand is the result where one of them is no number.
  const __m256 rectified = _mm256_max_ps(_mm256_setzero_ps(), _mm256_add_ps(largest, _mm256_loadu_ps(bias)));
  _mm256_storeu_ps(y, rectified);
  const __m256 passes = _mm256_cmp_ps(rectified, _mm256_setzero_ps(), _CMP_GT_OQ);
  return static_cast<int32_t>(right | below << 8 | static_cast<uint32_t>(_mm256_movemask_ps(passes)) << 16);
}

// Images [batch, height, width, filters]; an odd last row or column is left out. Filters are a multiple of 8.
struct PoolShape {
  size_t batch, height, width, filters;
};

// sums, bias -> y: [batch, height / 2, width / 2, filters] and all that its gradients need to know, winners: [batch,
// height / 2, width / 2, filters / 8]. Of filter f of 8, bit f says that the largest value of the window (the first of
// equal ones) is a right one, bit 8 + f that it is a lower one, bit 16 + f that the relu lets it pass.
TMU_AVX2 inline void PoolBiasRelu(const PoolShape &s, const float *sums, const float *bias, float *y,
                                  int32_t *winners) {
  const size_t row = s.width * s.filters;
  for (size_t n = 0; n < s.batch; n++, sums += s.height * row) {
    for (size_t i = 0; i < s.height / 2; i++) {
      const float *window = sums + 2 * i * row;
      for (size_t j = 0; j < s.width / 2; j++, window += s.filters) {
        for (size_t c = 0; c < s.filters; c += 8, window += 8, y += 8) {
          const __m256 values[4] = {_mm256_loadu_ps(window), _mm256_loadu_ps(window + s.filters),
                                    _mm256_loadu_ps(window + row), _mm256_loadu_ps(window + row + s.filters)};
          *winners++ = PoolWindow(values, bias + c, y);
        }
      }
    }
  }
}

// dy and winners -> the gradients of the sums and of the bias. The bias's is summed in float within an image, over images
// in double, in a fixed order.
TMU_AVX2 inline void PoolBiasReluGradient(const PoolShape &s, const float *dy, const int32_t *winners, float *sums,
                                          float *bias) {
  const size_t row = s.width * s.filters;
  // What no window covers.
  if (s.height % 2 != 0 || s.width % 2 != 0) std::memset(sums, 0, s.batch * s.height * row * sizeof(float));
  std::vector<double> total(s.filters, 0);
  std::vector<float> part(s.filters);
  for (size_t n = 0; n < s.batch; n++, sums += s.height * row) {
    std::fill(part.begin(), part.end(), 0.0f);
    for (size_t i = 0; i < s.height / 2; i++) {
      float *window = sums + 2 * i * row;
      for (size_t j = 0; j < s.width / 2; j++, window += s.filters) {
        for (size_t c = 0; c < s.filters; c += 8, window += 8, dy += 8) {
          const __m256i won = WinnersOf(*winners++);
          const __m256 gradient = _mm256_loadu_ps(dy);
          const __m256i passed = _mm256_cmpgt_epi32(won, _mm256_set1_epi32(0xffff));
          _mm256_storeu_ps(&part[c], _mm256_add_ps(_mm256_loadu_ps(&part[c]),
                                                   _mm256_and_ps(gradient, _mm256_castsi256_ps(passed))));
          float *const places[4] = {window, window + s.filters, window + row, window + row + s.filters};
#pragma GCC unroll 9
          for (int p = 0; p < 4; p++) {
            const __m256i chosen = _mm256_cmpeq_epi32(won, _mm256_set1_epi32(Place(p)));
            _mm256_storeu_ps(places[p], _mm256_and_ps(gradient, _mm256_castsi256_ps(chosen)));
          }
        }
      }
    }
    for (size_t c = 0; c < s.filters; c++) total[c] += part[c];
  }
  std::copy(total.begin(), total.end(), bias);
}

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
        const __m256 values[4] = {sums[0][b], sums[1][b], sums[2][b], sums[3][b]};
        winners[b] = PoolWindow(values, bias + 8 * b, y + 8 * b);
      }
      y += s.filters;
      winners += s.filters / 8;
    }
  }
}

// x: images, filter, bias -> y: [batch, pool_height, pool_width, filters], winners: as those of PoolBiasRelu.
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

}  // namespace tmu

#endif  // TMU_POOL_H_
