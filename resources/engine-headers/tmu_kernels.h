// What the binding of tfjs-node gets beside its own functions: see src-main/compute/engine-install/binding-patch.ts.
#ifndef TMU_KERNELS_H_
#define TMU_KERNELS_H_

#include <emmintrin.h>
#include <pthread.h>
#include <signal.h>

#include <algorithm>
#include <cstddef>
#include <initializer_list>
#include <vector>

namespace tmu {

// While it lives, no signal interrupts this thread; another thread takes it, or it waits. The matrix products of oneDNN
// keep data beyond the red zone of the stack, where the frame of a signal's handler overwrites it: the heap is damaged.
class WithoutSignals {
 public:
  WithoutSignals() {
    sigset_t all;
    sigfillset(&all);
    // A fault must still be reported where it happens.
    for (int fault : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGABRT}) sigdelset(&all, fault);
    blocked_ = pthread_sigmask(SIG_BLOCK, &all, &before_) == 0;
  }
  ~WithoutSignals() {
    if (blocked_) pthread_sigmask(SIG_SETMASK, &before_, nullptr);
  }
  WithoutSignals(const WithoutSignals &) = delete;
  WithoutSignals &operator=(const WithoutSignals &) = delete;

 private:
  sigset_t before_;
  bool blocked_;
};

// Four floats at a place of an array; fewer at its end, the rest zero.
inline __m128 Load(const float *source, size_t at, size_t size) {
  if (at + 4 <= size) return _mm_loadu_ps(source + at);
  float values[4] = {0, 0, 0, 0};
  for (size_t i = at; i < size; i++) values[i - at] = source[i];
  return _mm_loadu_ps(values);
}

inline void Store(float *target, size_t at, size_t size, __m128 value) {
  if (at + 4 <= size) {
    _mm_storeu_ps(target + at, value);
    return;
  }
  float values[4];
  _mm_storeu_ps(values, value);
  for (size_t i = at; i < size; i++) target[i] = values[i - at];
}

// Inputs and outputs of an update are arrays of one size, its numbers as its attributes are in
// src-main/compute/worker/engines/kernels/names.ts. Every operation rounds to float, in the order of the composed kernel.

// {parameter, gradient, velocity} -> {parameter, velocity}; {lr, momentum, weightDecay}
inline void Sgd(const float *const *in, float *const *out, size_t size, const float *numbers) {
  const __m128 lr = _mm_set1_ps(numbers[0]), momentum = _mm_set1_ps(numbers[1]), decay = _mm_set1_ps(numbers[2]);
  for (size_t i = 0; i < size; i += 4) {
    const __m128 parameter = Load(in[0], i, size);
    const __m128 gradient = _mm_add_ps(Load(in[1], i, size), _mm_mul_ps(decay, parameter));
    const __m128 velocity = _mm_add_ps(_mm_mul_ps(momentum, Load(in[2], i, size)), gradient);
    Store(out[0], i, size, _mm_sub_ps(parameter, _mm_mul_ps(lr, velocity)));
    Store(out[1], i, size, velocity);
  }
}

// {parameter, gradient, mean, square} -> {parameter, mean, square};
// {beta1, 1 - beta1, beta2, 1 - beta2, stepSize, rootScale, epsilon, weightDecay}
inline void Adam(const float *const *in, float *const *out, size_t size, const float *numbers) {
  const __m128 beta1 = _mm_set1_ps(numbers[0]), rest1 = _mm_set1_ps(numbers[1]);
  const __m128 beta2 = _mm_set1_ps(numbers[2]), rest2 = _mm_set1_ps(numbers[3]);
  const __m128 step = _mm_set1_ps(numbers[4]), root = _mm_set1_ps(numbers[5]);
  const __m128 epsilon = _mm_set1_ps(numbers[6]), decay = _mm_set1_ps(numbers[7]);
  for (size_t i = 0; i < size; i += 4) {
    const __m128 parameter = Load(in[0], i, size);
    const __m128 gradient = _mm_add_ps(Load(in[1], i, size), _mm_mul_ps(decay, parameter));
    const __m128 mean = _mm_add_ps(_mm_mul_ps(beta1, Load(in[2], i, size)), _mm_mul_ps(rest1, gradient));
    const __m128 square =
        _mm_add_ps(_mm_mul_ps(beta2, Load(in[3], i, size)), _mm_mul_ps(_mm_mul_ps(rest2, gradient), gradient));
    const __m128 scale = _mm_add_ps(_mm_mul_ps(_mm_sqrt_ps(square), root), epsilon);
    Store(out[0], i, size, _mm_sub_ps(parameter, _mm_div_ps(_mm_mul_ps(step, mean), scale)));
    Store(out[1], i, size, mean);
    Store(out[2], i, size, square);
  }
}

// Sum of the squares in double, in a fixed order.
inline double SumOfSquares(const float *values, size_t size) {
  __m128d low = _mm_setzero_pd(), high = _mm_setzero_pd();
  for (size_t i = 0; i < size; i += 4) {
    const __m128 four = Load(values, i, size);
    const __m128d first = _mm_cvtps_pd(four), second = _mm_cvtps_pd(_mm_movehl_ps(four, four));
    low = _mm_add_pd(low, _mm_mul_pd(first, first));
    high = _mm_add_pd(high, _mm_mul_pd(second, second));
  }
  double sums[2];
  _mm_storeu_pd(sums, _mm_add_pd(low, high));
  return sums[0] + sums[1];
}

// dz = y > 0 ? dy : 0 and its sum over all rows, of row-major matrices. Sums of a few rows are in float, those of them in
// double, in a fixed order.
inline void ReluBiasGradient(const float *dy, const float *y, float *dz, float *bias, size_t rows, size_t columns) {
  constexpr size_t kBlock = 64;
  std::vector<double> sums(columns, 0);
  std::vector<float> block(columns + 4);
  const __m128 zero = _mm_setzero_ps();
  for (size_t first = 0; first < rows; first += kBlock) {
    std::fill(block.begin(), block.end(), 0.0f);
    const size_t last = std::min(rows, first + kBlock);
    for (size_t row = first; row < last; row++) {
      const size_t start = row * columns;
      size_t c = 0;
      for (; c + 4 <= columns; c += 4) {
        const __m128 value =
            _mm_and_ps(_mm_loadu_ps(dy + start + c), _mm_cmpgt_ps(_mm_loadu_ps(y + start + c), zero));
        _mm_storeu_ps(dz + start + c, value);
        _mm_storeu_ps(&block[c], _mm_add_ps(_mm_loadu_ps(&block[c]), value));
      }
      for (; c < columns; c++) {
        const float value = y[start + c] > 0 ? dy[start + c] : 0.0f;
        dz[start + c] = value;
        block[c] += value;
      }
    }
    for (size_t c = 0; c < columns; c++) sums[c] += block[c];
  }
  for (size_t c = 0; c < columns; c++) bias[c] = static_cast<float>(sums[c]);
}

// y = relu(x + bias), of row-major matrices with a bias for each column. A NaN comes through.
inline void BiasRelu(const float *x, const float *bias, float *y, size_t rows, size_t columns) {
  const __m128 zero = _mm_setzero_ps();
  for (size_t row = 0; row < rows; row++, x += columns, y += columns) {
    size_t c = 0;
    for (; c + 4 <= columns; c += 4) {
      // The second operand is the result where one of them is no number.
      _mm_storeu_ps(y + c, _mm_max_ps(zero, _mm_add_ps(_mm_loadu_ps(x + c), _mm_loadu_ps(bias + c))));
    }
    for (; c < columns; c++) {
      const float sum = x[c] + bias[c];
      y[c] = sum < 0 ? 0 : sum;
    }
  }
}

}  // namespace tmu

#endif  // TMU_KERNELS_H_
