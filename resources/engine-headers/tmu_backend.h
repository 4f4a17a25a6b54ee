// Functions of our own in the binding of tfjs-node, included into its tfjs_backend.cc: each computes in one pass over the
// tensors' memory. See src-main/compute/engine-install/binding-patch.ts, and worker/engines/kernels/native/own.ts for
// their use.
#ifndef TMU_BACKEND_H_
#define TMU_BACKEND_H_

#include "tmu_pool.h"
#include "tmu_kernels.h"

namespace tfnodejs {

namespace own {

using Tensors = std::vector<std::unique_ptr<TF_AutoTensor>>;
using Shape = std::vector<int64_t>;

// A call of runOwnKernel(). What goes wrong is said by a JavaScript error; the functions then return false or null.
struct Call {
  napi_env env;
  std::string name;
  Tensors inputs;
  // As the attributes of the kernel are in names.ts.
  const float *numbers;
  size_t number_count;
  Tensors outputs;

  bool Fail(const char *what) const {
    NAPI_THROW_ERROR(env, "%s: %s", name.c_str(), what);
    return false;
  }

  const TF_Tensor *Input(size_t i) const { return inputs[i]->tensor; }

  const float *Floats(size_t i) const { return static_cast<const float *>(TF_TensorData(Input(i))); }

  const int32_t *Integers(size_t i) const { return static_cast<const int32_t *>(TF_TensorData(Input(i))); }

  size_t SizeOf(size_t i) const { return TF_TensorElementCount(Input(i)); }

  Shape ShapeOf(size_t i) const {
    Shape shape(TF_NumDims(Input(i)));
    for (size_t axis = 0; axis < shape.size(); axis++) shape[axis] = TF_Dim(Input(i), static_cast<int>(axis));
    return shape;
  }

  // The data of a new output.
  template <typename Value>
  Value *Output(const Shape &shape, TF_DataType type = TF_FLOAT) {
    size_t size = sizeof(Value);
    for (int64_t length : shape) size *= static_cast<size_t>(length);
    TF_Tensor *tensor = TF_AllocateTensor(type, shape.data(), static_cast<int>(shape.size()), size);
    if (tensor == nullptr) {
      Fail("no memory for a result");
      return nullptr;
    }
    outputs.emplace_back(new TF_AutoTensor(tensor));
    return static_cast<Value *>(TF_TensorData(tensor));
  }

  // Counts of inputs and numbers, and the inputs' types: floats, but for a last one of whole numbers.
  bool Has(size_t input_count, size_t wanted_numbers, bool integers_last = false) const {
    if (inputs.size() != input_count || number_count != wanted_numbers) return Fail("another number of arguments");
    for (size_t i = 0; i < input_count; i++) {
      const TF_DataType type = integers_last && i + 1 == input_count ? TF_INT32 : TF_FLOAT;
      if (TF_TensorType(Input(i)) != type) return Fail("a tensor of another type");
    }
    return true;
  }
};

inline bool Update(Call *call, size_t input_count, size_t wanted_numbers,
                   void (*update)(const float *const *, float *const *, size_t, const float *)) {
  if (!call->Has(input_count, wanted_numbers)) return false;
  std::vector<const float *> in;
  std::vector<float *> out;
  for (size_t i = 0; i < input_count; i++) {
    if (call->SizeOf(i) != call->SizeOf(0)) return call->Fail("the tensors differ in size");
    in.push_back(call->Floats(i));
    if (i == 0) continue;
    out.push_back(call->Output<float>(call->ShapeOf(0)));
    if (out.back() == nullptr) return false;
  }
  update(in.data(), out.data(), call->SizeOf(0), call->numbers);
  return true;
}

inline bool BiasRelu(Call *call) {
  if (!call->Has(2, 0)) return false;
  const Shape shape = call->ShapeOf(0), bias = call->ShapeOf(1);
  if (shape.empty() || bias != Shape{shape.back()}) return call->Fail("not a tensor and its bias");
  float *const y = call->Output<float>(shape);
  if (y == nullptr) return false;
  const size_t columns = static_cast<size_t>(shape.back());
  tmu::BiasRelu(call->Floats(0), call->Floats(1), y, columns == 0 ? 0 : call->SizeOf(0) / columns, columns);
  return true;
}

inline bool ReluBiasGradient(Call *call) {
  if (!call->Has(2, 0)) return false;
  const Shape shape = call->ShapeOf(0);
  if (shape.empty() || shape != call->ShapeOf(1)) return call->Fail("not a gradient and the result of a relu");
  float *const dz = call->Output<float>(shape);
  if (dz == nullptr) return false;
  float *const bias = call->Output<float>({shape.back()});
  if (bias == nullptr) return false;
  const size_t columns = static_cast<size_t>(shape.back());
  tmu::ReluBiasGradient(call->Floats(0), call->Floats(1), dz, bias, columns == 0 ? 0 : call->SizeOf(0) / columns,
                        columns);
  return true;
}

// numbers: batch, height, width, channels of the images; height, width of the kernels, filters; rows and columns of
// zeros above and to the left; height, width of the convolution.
inline bool ReadShape(const Call &call, tmu::ConvPoolShape *shape) {
  if (!tmu::HasAvx2()) return call.Fail("this processor lacks AVX2 or FMA");
  size_t *const fields[] = {&shape->batch,        &shape->height,      &shape->width,   &shape->channels,
                            &shape->kernel_height, &shape->kernel_width, &shape->filters, &shape->pad_top,
                            &shape->pad_left,     &shape->conv_height, &shape->conv_width};
  for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) *fields[i] = static_cast<size_t>(call.numbers[i]);
  const tmu::ConvPoolShape &s = *shape;
  if (s.filters == 0 || s.filters % 8 != 0 || s.channels == 0 || s.conv_height < 2 || s.conv_width < 2 ||
      s.pad_top >= s.kernel_height || s.pad_left >= s.kernel_width ||
      s.conv_height > s.height + s.kernel_height - 1 || s.conv_width > s.width + s.kernel_width - 1) {
    return call.Fail("not a shape that it is for");
  }
  return true;
}

constexpr size_t kShapeNumbers = 11;

inline Shape PooledShape(const tmu::ConvPoolShape &s) {
  return {static_cast<int64_t>(s.batch), static_cast<int64_t>(s.pool_height()), static_cast<int64_t>(s.pool_width()),
          static_cast<int64_t>(s.filters)};
}

inline Shape WinnersShape(const tmu::ConvPoolShape &s) {
  Shape shape = PooledShape(s);
  shape.back() /= 8;
  return shape;
}

inline Shape FilterShape(const tmu::ConvPoolShape &s) {
  return {static_cast<int64_t>(s.kernel_height), static_cast<int64_t>(s.kernel_width),
          static_cast<int64_t>(s.channels), static_cast<int64_t>(s.filters)};
}

inline Shape ImagesShape(const tmu::ConvPoolShape &s) {
  return {static_cast<int64_t>(s.batch), static_cast<int64_t>(s.height), static_cast<int64_t>(s.width),
          static_cast<int64_t>(s.channels)};
}

inline bool ConvPool(Call *call) {
  tmu::ConvPoolShape s;
  if (!call->Has(3, kShapeNumbers) || !ReadShape(*call, &s)) return false;
  if (call->ShapeOf(0) != ImagesShape(s) || call->ShapeOf(1) != FilterShape(s) ||
      call->ShapeOf(2) != Shape{static_cast<int64_t>(s.filters)}) {
    return call->Fail("not the tensors of its shape");
  }
  float *const y = call->Output<float>(PooledShape(s));
  if (y == nullptr) return false;
  int32_t *const winners = call->Output<int32_t>(WinnersShape(s), TF_INT32);
  if (winners == nullptr) return false;
  tmu::ConvPool(s, call->Floats(0), call->Floats(1), call->Floats(2), y, winners);
  return true;
}

inline bool ConvPoolGradient(Call *call) {
  tmu::ConvPoolShape s;
  if (!call->Has(3, kShapeNumbers, true) || !ReadShape(*call, &s)) return false;
  if (call->ShapeOf(0) != ImagesShape(s) || call->ShapeOf(1) != PooledShape(s) || call->ShapeOf(2) != WinnersShape(s)) {
    return call->Fail("not the tensors of its shape");
  }
  float *const filter = call->Output<float>(FilterShape(s));
  if (filter == nullptr) return false;
  float *const bias = call->Output<float>({static_cast<int64_t>(s.filters)});
  if (bias == nullptr) return false;
  tmu::ConvPoolGradient(s, call->Floats(0), call->Floats(1), call->Integers(2), filter, bias);
  return true;
}

// numbers: batch, height, width, filters of the sums.
inline bool ReadShape(const Call &call, tmu::PoolShape *shape) {
  if (!tmu::HasAvx2()) return call.Fail("this processor lacks AVX2 or FMA");
  size_t *const fields[] = {&shape->batch, &shape->height, &shape->width, &shape->filters};
  for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) *fields[i] = static_cast<size_t>(call.numbers[i]);
  if (shape->filters == 0 || shape->filters % 8 != 0) return call.Fail("not a shape that it is for");
  return true;
}

constexpr size_t kPoolNumbers = 4;

inline Shape PooledShape(const tmu::PoolShape &s, int64_t last) {
  return {static_cast<int64_t>(s.batch), static_cast<int64_t>(s.height / 2), static_cast<int64_t>(s.width / 2), last};
}

inline Shape SumsShape(const tmu::PoolShape &s) {
  return {static_cast<int64_t>(s.batch), static_cast<int64_t>(s.height), static_cast<int64_t>(s.width),
          static_cast<int64_t>(s.filters)};
}

inline bool PoolBiasRelu(Call *call) {
  tmu::PoolShape s;
  if (!call->Has(2, kPoolNumbers) || !ReadShape(*call, &s)) return false;
  const int64_t filters = static_cast<int64_t>(s.filters);
  if (call->ShapeOf(0) != SumsShape(s) || call->ShapeOf(1) != Shape{filters}) {
    return call->Fail("not the tensors of its shape");
  }
  float *const y = call->Output<float>(PooledShape(s, filters));
  if (y == nullptr) return false;
  int32_t *const winners = call->Output<int32_t>(PooledShape(s, filters / 8), TF_INT32);
  if (winners == nullptr) return false;
  tmu::PoolBiasRelu(s, call->Floats(0), call->Floats(1), y, winners);
  return true;
}

inline bool PoolBiasReluGradient(Call *call) {
  tmu::PoolShape s;
  if (!call->Has(2, kPoolNumbers, true) || !ReadShape(*call, &s)) return false;
  const int64_t filters = static_cast<int64_t>(s.filters);
  if (call->ShapeOf(0) != PooledShape(s, filters) || call->ShapeOf(1) != PooledShape(s, filters / 8)) {
    return call->Fail("not the tensors of its shape");
  }
  float *const sums = call->Output<float>(SumsShape(s));
  if (sums == nullptr) return false;
  float *const bias = call->Output<float>({filters});
  if (bias == nullptr) return false;
  tmu::PoolBiasReluGradient(s, call->Floats(0), call->Integers(1), sums, bias);
  return true;
}

inline bool SumOfSquares(Call *call) {
  double sum = 0;
  for (size_t i = 0; i < call->inputs.size(); i++) {
    if (TF_TensorType(call->Input(i)) != TF_FLOAT) return call->Fail("a tensor of another type");
    sum += tmu::SumOfSquares(call->Floats(i), call->SizeOf(i));
  }
  float *const result = call->Output<float>({});
  if (result == nullptr) return false;
  *result = static_cast<float>(sum);
  return true;
}

inline bool Run(Call *call) {
  if (call->name == "sgd") return Update(call, 3, 3, tmu::Sgd);
  if (call->name == "adam") return Update(call, 4, 8, tmu::Adam);
  if (call->name == "biasRelu") return BiasRelu(call);
  if (call->name == "reluBiasGradient") return ReluBiasGradient(call);
  if (call->name == "sumOfSquares") return SumOfSquares(call);
  if (call->name == "convPool") return ConvPool(call);
  if (call->name == "convPoolGradient") return ConvPoolGradient(call);
  if (call->name == "poolBiasRelu") return PoolBiasRelu(call);
  if (call->name == "poolBiasReluGradient") return PoolBiasReluGradient(call);
  return call->Fail("there is no such kernel");
}

}  // namespace own

napi_value TFJSBackend::RunOwnKernel(napi_env env, napi_value name_value, napi_value input_tensor_ids,
                                     napi_value numbers_value) {
  own::Call call;
  call.env = env;
  napi_status nstatus = GetStringParam(env, name_value, call.name);
  ENSURE_NAPI_OK_RETVAL(env, nstatus, nullptr);
  napi_typedarray_type number_type;
  void *numbers;
  nstatus =
      napi_get_typedarray_info(env, numbers_value, &number_type, &call.number_count, &numbers, nullptr, nullptr);
  ENSURE_NAPI_OK_RETVAL(env, nstatus, nullptr);
  if (number_type != napi_float32_array) {
    NAPI_THROW_ERROR(env, "The numbers are no Float32Array");
    return nullptr;
  }
  call.numbers = static_cast<const float *>(numbers);
  uint32_t length;
  nstatus = napi_get_array_length(env, input_tensor_ids, &length);
  ENSURE_NAPI_OK_RETVAL(env, nstatus, nullptr);
  for (uint32_t i = 0; i < length; i++) {
    napi_value id_value;
    nstatus = napi_get_element(env, input_tensor_ids, i, &id_value);
    ENSURE_NAPI_OK_RETVAL(env, nstatus, nullptr);
    int32_t id;
    nstatus = napi_get_value_int32(env, id_value, &id);
    ENSURE_NAPI_OK_RETVAL(env, nstatus, nullptr);
    auto entry = tfe_handle_map_.find(id);
    if (entry == tfe_handle_map_.end()) {
      NAPI_THROW_ERROR(env, "Input Tensor ID not referenced (tensor_id: %d)", id);
      return nullptr;
    }
    TF_AutoStatus status;
    TF_Tensor *tensor = TFE_TensorHandleResolve(entry->second, status.status);
    ENSURE_TF_OK_RETVAL(env, status, nullptr);
    call.inputs.emplace_back(new TF_AutoTensor(tensor));
  }
  if (!own::Run(&call)) return nullptr;
  // Handles as ExecuteOp() returns those of its outputs.
  napi_value infos;
  nstatus = napi_create_array_with_length(env, call.outputs.size(), &infos);
  ENSURE_NAPI_OK_RETVAL(env, nstatus, nullptr);
  for (size_t i = 0; i < call.outputs.size(); i++) {
    TF_AutoStatus status;
    TFE_TensorHandle *handle = TFE_NewTensorHandle(call.outputs[i]->tensor, status.status);
    ENSURE_TF_OK_RETVAL(env, status, nullptr);
    TFE_TensorHandle *placed = CopyTFE_TensorHandleToDevice(env, device_name.c_str(), handle, tfe_context_);
    TFE_DeleteTensorHandle(handle);
    if (placed == nullptr) return nullptr;
    nstatus = napi_set_element(env, infos, i, GenerateOutputTensorInfo(env, placed));
    ENSURE_NAPI_OK_RETVAL(env, nstatus, nullptr);
  }
  return infos;
}

}  // namespace tfnodejs

#endif  // TMU_BACKEND_H_
