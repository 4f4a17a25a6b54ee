/**
 * Changes to the binding of tfjs-node, file by file:
 * - attributes that are lists of strings or of types; it takes single ones only, and the fused operations of TensorFlow
 *   name what they fuse in such lists;
 * - operations run without being interrupted by signals, for the reason given in resources/engine-headers/tmu_kernels.h;
 * - functions of our own, each in one pass over the tensors' memory: `updateParameter`, `biasRelu`,
 *   `reluBiasGradient` and `sumOfSquares`.
 */
import { AppError } from '#shared/errors.ts'

interface Replacement {
  readonly find: string
  readonly replace: string
}

const listAttributes: readonly Replacement[] = [
  {
    find: `    case TF_ATTR_STRING: {
`,
    replace: `    case TF_ATTR_STRING: {
      if (IsArray(env, nstatus, &js_value)) {
        uint32_t length;
        nstatus = napi_get_array_length(env, js_value, &length);
        ENSURE_NAPI_OK(env, nstatus);
        std::vector<std::string> strings(length);
        std::vector<const void *> values(length);
        std::vector<size_t> lengths(length);
        for (uint32_t i = 0; i < length; ++i) {
          napi_value element;
          nstatus = napi_get_element(env, js_value, i, &element);
          ENSURE_NAPI_OK(env, nstatus);
          nstatus = GetStringParam(env, element, strings[i]);
          ENSURE_NAPI_OK(env, nstatus);
          values[i] = strings[i].data();
          lengths[i] = strings[i].size();
        }
        TFE_OpSetAttrStringList(tfe_op, attr_name, values.data(),
                                lengths.data(), static_cast<int>(length));
        break;
      }
`,
  },
  {
    find: `    case TF_ATTR_TYPE: {
`,
    replace: `    case TF_ATTR_TYPE: {
      if (IsArray(env, nstatus, &js_value)) {
        uint32_t length;
        nstatus = napi_get_array_length(env, js_value, &length);
        ENSURE_NAPI_OK(env, nstatus);
        std::vector<TF_DataType> types(length);
        for (uint32_t i = 0; i < length; ++i) {
          napi_value element;
          nstatus = napi_get_element(env, js_value, i, &element);
          ENSURE_NAPI_OK(env, nstatus);
          int32_t type;
          nstatus = napi_get_value_int32(env, element, &type);
          ENSURE_NAPI_OK(env, nstatus);
          types[i] = static_cast<TF_DataType>(type);
        }
        TFE_OpSetAttrTypeList(tfe_op, attr_name, types.data(),
                              static_cast<int>(length));
        break;
      }
`,
  },
]

const uninterrupted: Replacement = {
  find: `  TFE_Execute(tfe_op.op, result_handles.data(), &size, tf_status.status);
`,
  replace: `  {
    tmu::WithoutSignals without_signals;
    TFE_Execute(tfe_op.op, result_handles.data(), &size, tf_status.status);
  }
`,
}

const includes: Replacement = {
  find: `#include "utils.h"
`,
  replace: `#include "utils.h"
#include "tmu_kernels.h"
`,
}

const declarations: Replacement = {
  find: `  // Load a SavedModel from a path:
`,
  replace: `  // One pass over a parameter, its gradient and its moments.
  // - kind_value (number): 0 for SGD, 1 for Adam
  // - input_tensor_ids (array of input tensor IDs, all of one shape)
  // - numbers_value (Float32Array)
  // Returns what ExecuteOp() returns.
  napi_value UpdateParameter(napi_env env, napi_value kind_value,
                             napi_value input_tensor_ids,
                             napi_value numbers_value);

  // The sum of a tensor and a bias along its last axis, rectified.
  // - input_tensor_ids (array of two: the tensor, the bias)
  // Returns what ExecuteOp() returns.
  napi_value BiasRelu(napi_env env, napi_value input_tensor_ids);

  // Gradients before a relu and of the bias added before it.
  // - input_tensor_ids (array of two: the gradient after the relu, its result)
  // Returns what ExecuteOp() returns.
  napi_value ReluBiasGradient(napi_env env, napi_value input_tensor_ids);

  // Sum of the squares of all elements of float tensors, a number.
  napi_value SumOfSquares(napi_env env, napi_value input_tensor_ids);

  // Load a SavedModel from a path:
`,
}

const privateDeclaration: Replacement = {
  find: `  napi_value GenerateOutputTensorInfo(napi_env env, TFE_TensorHandle *handle);
`,
  replace: `  napi_value GenerateOutputTensorInfo(napi_env env, TFE_TensorHandle *handle);
  napi_value PlaceOutputs(
      napi_env env, const std::vector<std::unique_ptr<TF_AutoTensor>> &outputs);
`,
}

const headerIncludes: Replacement = {
  find: `#include <unordered_map>
`,
  replace: `#include <unordered_map>
#include <vector>
#include "tf_auto_tensor.h"
`,
}

const definitions: Replacement = {
  find: `/* Helper function to generate TensorInfo(used for JavaScript) from
`,
  replace: `// The float tensors of some IDs, on the processor.
static bool ResolveFloats(
    napi_env env, napi_value ids_value,
    const std::unordered_map<int32_t, TFE_TensorHandle *> &handles,
    std::vector<std::unique_ptr<TF_AutoTensor>> *tensors) {
  uint32_t length;
  if (napi_get_array_length(env, ids_value, &length) != napi_ok) {
    NAPI_THROW_ERROR(env, "The tensor IDs are no array");
    return false;
  }
  for (uint32_t i = 0; i < length; i++) {
    napi_value id_value;
    int32_t id;
    if (napi_get_element(env, ids_value, i, &id_value) != napi_ok ||
        napi_get_value_int32(env, id_value, &id) != napi_ok) {
      NAPI_THROW_ERROR(env, "A tensor ID is no number");
      return false;
    }
    auto entry = handles.find(id);
    if (entry == handles.end()) {
      NAPI_THROW_ERROR(env, "Input Tensor ID not referenced (tensor_id: %d)", id);
      return false;
    }
    TF_AutoStatus status;
    TF_Tensor *tensor = TFE_TensorHandleResolve(entry->second, status.status);
    if (TF_GetCode(status.status) != TF_OK) {
      NAPI_THROW_ERROR(env, "Tensor %d can't be read", id);
      return false;
    }
    tensors->emplace_back(new TF_AutoTensor(tensor));
    if (TF_TensorType(tensor) != TF_FLOAT) {
      NAPI_THROW_ERROR(env, "Tensor %d is not of type TF_FLOAT", id);
      return false;
    }
  }
  return true;
}

static std::vector<int64_t> ShapeOf(const TF_Tensor *tensor) {
  std::vector<int64_t> shape(TF_NumDims(tensor));
  for (size_t i = 0; i < shape.size(); i++) {
    shape[i] = TF_Dim(tensor, static_cast<int>(i));
  }
  return shape;
}

// The data of a new tensor, which is added to the list.
static float *AllocateFloats(
    napi_env env, const std::vector<int64_t> &shape,
    std::vector<std::unique_ptr<TF_AutoTensor>> *tensors) {
  size_t size = sizeof(float);
  for (int64_t length : shape) size *= static_cast<size_t>(length);
  TF_Tensor *tensor = TF_AllocateTensor(
      TF_FLOAT, shape.data(), static_cast<int>(shape.size()), size);
  if (tensor == nullptr) {
    NAPI_THROW_ERROR(env, "No memory for a result");
    return nullptr;
  }
  tensors->emplace_back(new TF_AutoTensor(tensor));
  return static_cast<float *>(TF_TensorData(tensor));
}

napi_value TFJSBackend::UpdateParameter(napi_env env, napi_value kind_value,
                                        napi_value input_tensor_ids,
                                        napi_value numbers_value) {
  napi_status nstatus;
  int32_t kind;
  nstatus = napi_get_value_int32(env, kind_value, &kind);
  ENSURE_NAPI_OK_RETVAL(env, nstatus, nullptr);
  napi_typedarray_type number_type;
  size_t number_count;
  void *numbers;
  nstatus = napi_get_typedarray_info(env, numbers_value, &number_type,
                                     &number_count, &numbers, nullptr, nullptr);
  ENSURE_NAPI_OK_RETVAL(env, nstatus, nullptr);
  std::vector<std::unique_ptr<TF_AutoTensor>> inputs;
  if (!ResolveFloats(env, input_tensor_ids, tfe_handle_map_, &inputs)) {
    return nullptr;
  }
  const bool adam = kind == 1;
  if (inputs.size() != (adam ? 4u : 3u) ||
      number_count != (adam ? 8u : 3u) || number_type != napi_float32_array) {
    NAPI_THROW_ERROR(env, "Not the arguments of an update");
    return nullptr;
  }
  const size_t size = TF_TensorElementCount(inputs[0]->tensor);
  std::vector<const float *> in;
  for (const auto &input : inputs) {
    if (static_cast<size_t>(TF_TensorElementCount(input->tensor)) != size) {
      NAPI_THROW_ERROR(env, "The tensors of an update differ in size");
      return nullptr;
    }
    in.push_back(static_cast<const float *>(TF_TensorData(input->tensor)));
  }
  const std::vector<int64_t> shape = ShapeOf(inputs[0]->tensor);
  std::vector<std::unique_ptr<TF_AutoTensor>> outputs;
  std::vector<float *> out;
  for (size_t i = 1; i < inputs.size(); i++) {
    out.push_back(AllocateFloats(env, shape, &outputs));
    if (out.back() == nullptr) return nullptr;
  }
  (adam ? tmu::Adam : tmu::Sgd)(in.data(), out.data(), size,
                                static_cast<const float *>(numbers));
  return PlaceOutputs(env, outputs);
}

napi_value TFJSBackend::BiasRelu(napi_env env, napi_value input_tensor_ids) {
  std::vector<std::unique_ptr<TF_AutoTensor>> inputs;
  if (!ResolveFloats(env, input_tensor_ids, tfe_handle_map_, &inputs)) {
    return nullptr;
  }
  if (inputs.size() != 2 || TF_NumDims(inputs[0]->tensor) == 0 ||
      TF_NumDims(inputs[1]->tensor) != 1 ||
      ShapeOf(inputs[0]->tensor).back() != TF_Dim(inputs[1]->tensor, 0)) {
    NAPI_THROW_ERROR(env, "Not a tensor and its bias");
    return nullptr;
  }
  const std::vector<int64_t> shape = ShapeOf(inputs[0]->tensor);
  const size_t columns = static_cast<size_t>(shape.back());
  const size_t size = TF_TensorElementCount(inputs[0]->tensor);
  std::vector<std::unique_ptr<TF_AutoTensor>> outputs;
  float *const y = AllocateFloats(env, shape, &outputs);
  if (y == nullptr) return nullptr;
  tmu::BiasRelu(static_cast<const float *>(TF_TensorData(inputs[0]->tensor)),
                static_cast<const float *>(TF_TensorData(inputs[1]->tensor)), y,
                columns == 0 ? 0 : size / columns, columns);
  return PlaceOutputs(env, outputs);
}

napi_value TFJSBackend::ReluBiasGradient(napi_env env,
                                         napi_value input_tensor_ids) {
  std::vector<std::unique_ptr<TF_AutoTensor>> inputs;
  if (!ResolveFloats(env, input_tensor_ids, tfe_handle_map_, &inputs)) {
    return nullptr;
  }
  if (inputs.size() != 2 || TF_NumDims(inputs[0]->tensor) == 0 ||
      ShapeOf(inputs[0]->tensor) != ShapeOf(inputs[1]->tensor)) {
    NAPI_THROW_ERROR(env, "Not a gradient and the result of a relu");
    return nullptr;
  }
  const std::vector<int64_t> shape = ShapeOf(inputs[0]->tensor);
  const size_t columns = static_cast<size_t>(shape.back());
  const size_t size = TF_TensorElementCount(inputs[0]->tensor);
  std::vector<std::unique_ptr<TF_AutoTensor>> outputs;
  float *const dz = AllocateFloats(env, shape, &outputs);
  if (dz == nullptr) return nullptr;
  float *const bias = AllocateFloats(env, {shape.back()}, &outputs);
  if (bias == nullptr) return nullptr;
  tmu::ReluBiasGradient(
      static_cast<const float *>(TF_TensorData(inputs[0]->tensor)),
      static_cast<const float *>(TF_TensorData(inputs[1]->tensor)), dz, bias,
      columns == 0 ? 0 : size / columns, columns);
  return PlaceOutputs(env, outputs);
}

// Handles of finished tensors, as ExecuteOp() returns those of its outputs.
napi_value TFJSBackend::PlaceOutputs(
    napi_env env, const std::vector<std::unique_ptr<TF_AutoTensor>> &outputs) {
  napi_value infos;
  napi_status nstatus =
      napi_create_array_with_length(env, outputs.size(), &infos);
  ENSURE_NAPI_OK_RETVAL(env, nstatus, nullptr);
  for (size_t i = 0; i < outputs.size(); i++) {
    TF_AutoStatus status;
    TFE_TensorHandle *handle =
        TFE_NewTensorHandle(outputs[i]->tensor, status.status);
    ENSURE_TF_OK_RETVAL(env, status, nullptr);
    TFE_TensorHandle *placed = CopyTFE_TensorHandleToDevice(
        env, device_name.c_str(), handle, tfe_context_);
    TFE_DeleteTensorHandle(handle);
    if (placed == nullptr) return nullptr;
    nstatus = napi_set_element(env, infos, i,
                               GenerateOutputTensorInfo(env, placed));
    ENSURE_NAPI_OK_RETVAL(env, nstatus, nullptr);
  }
  return infos;
}

napi_value TFJSBackend::SumOfSquares(napi_env env,
                                     napi_value input_tensor_ids) {
  std::vector<std::unique_ptr<TF_AutoTensor>> inputs;
  if (!ResolveFloats(env, input_tensor_ids, tfe_handle_map_, &inputs)) {
    return nullptr;
  }
  double sum = 0;
  for (const auto &input : inputs) {
    sum += tmu::SumOfSquares(
        static_cast<const float *>(TF_TensorData(input->tensor)),
        TF_TensorElementCount(input->tensor));
  }
  napi_value result;
  napi_status nstatus = napi_create_double(env, sum, &result);
  ENSURE_NAPI_OK_RETVAL(env, nstatus, nullptr);
  return result;
}

/* Helper function to generate TensorInfo(used for JavaScript) from
`,
}

const functions: Replacement = {
  find: `static napi_value InitTFNodeJSBinding(napi_env env, napi_value exports) {
`,
  replace: `static napi_value UpdateParameter(napi_env env, napi_callback_info info) {
  size_t argc = 3;
  napi_value args[3];
  napi_value js_this;
  napi_status nstatus =
      napi_get_cb_info(env, info, &argc, args, &js_this, nullptr);
  ENSURE_NAPI_OK_RETVAL(env, nstatus, nullptr);
  TFJSBackend *const backend = GetTFJSBackend(env);
  if (!backend) return nullptr;
  return backend->UpdateParameter(env, args[0], args[1], args[2]);
}

static napi_value BiasRelu(napi_env env, napi_callback_info info) {
  size_t argc = 1;
  napi_value args[1];
  napi_value js_this;
  napi_status nstatus =
      napi_get_cb_info(env, info, &argc, args, &js_this, nullptr);
  ENSURE_NAPI_OK_RETVAL(env, nstatus, nullptr);
  TFJSBackend *const backend = GetTFJSBackend(env);
  if (!backend) return nullptr;
  return backend->BiasRelu(env, args[0]);
}

static napi_value ReluBiasGradient(napi_env env, napi_callback_info info) {
  size_t argc = 1;
  napi_value args[1];
  napi_value js_this;
  napi_status nstatus =
      napi_get_cb_info(env, info, &argc, args, &js_this, nullptr);
  ENSURE_NAPI_OK_RETVAL(env, nstatus, nullptr);
  TFJSBackend *const backend = GetTFJSBackend(env);
  if (!backend) return nullptr;
  return backend->ReluBiasGradient(env, args[0]);
}

static napi_value SumOfSquares(napi_env env, napi_callback_info info) {
  size_t argc = 1;
  napi_value args[1];
  napi_value js_this;
  napi_status nstatus =
      napi_get_cb_info(env, info, &argc, args, &js_this, nullptr);
  ENSURE_NAPI_OK_RETVAL(env, nstatus, nullptr);
  TFJSBackend *const backend = GetTFJSBackend(env);
  if (!backend) return nullptr;
  return backend->SumOfSquares(env, args[0]);
}

static napi_value InitTFNodeJSBinding(napi_env env, napi_value exports) {
`,
}

const exported: Replacement = {
  find: `      {"getNumOfTensors", nullptr, GetNumOfTensors, nullptr, nullptr,
       nullptr, napi_default, nullptr},
`,
  replace: `      {"getNumOfTensors", nullptr, GetNumOfTensors, nullptr, nullptr,
       nullptr, napi_default, nullptr},
      {"updateParameter", nullptr, UpdateParameter, nullptr, nullptr, nullptr,
       napi_default, nullptr},
      {"biasRelu", nullptr, BiasRelu, nullptr, nullptr, nullptr, napi_default,
       nullptr},
      {"reluBiasGradient", nullptr, ReluBiasGradient, nullptr, nullptr, nullptr,
       napi_default, nullptr},
      {"sumOfSquares", nullptr, SumOfSquares, nullptr, nullptr, nullptr,
       napi_default, nullptr},
`,
}

const replacements: Readonly<Record<string, readonly Replacement[]>> = {
  'tfjs_backend.cc': [...listAttributes, uninterrupted, includes, definitions],
  'tfjs_backend.h': [declarations, privateDeclaration, headerIncludes],
  'tfjs_binding.cc': [functions, exported],
}

/** The binding's files that are changed. */
export const patchedFiles: readonly string[] = Object.keys(replacements)

/** The patched text of one of them. @throws AppError `unsupported` for another version's text. */
export function patchBinding(file: string, source: string): string {
  return (replacements[file] ?? []).reduce((text, { find, replace }) => {
    if (text.split(find).length !== 2) {
      throw new AppError('unsupported', 'The sources of @tensorflow/tfjs-node-gpu are not those of version 4.22.0.', {
        hint: 'Reinstall the dependencies of this program.',
      })
    }
    return text.replace(find, () => replace)
  }, source)
}
