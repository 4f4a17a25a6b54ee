/**
 * Changes to the binding of tfjs-node, file by file:
 * - attributes that are lists of strings or of types; it takes single ones only, and the fused operations of TensorFlow
 *   name what they fuse in such lists;
 * - operations run without being interrupted by signals, for the reason given in resources/engine-headers/tmu_kernels.h;
 * - `runOwnKernel`: kernels of our own, each in one pass over the tensors' memory (resources/engine-headers/tmu_*.h).
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

const declaration: Replacement = {
  find: `  // Load a SavedModel from a path:
`,
  replace: `  // Runs one of our own kernels (tmu_backend.h):
  // - name_value (string)
  // - input_tensor_ids (array of input tensor IDs)
  // - numbers_value (Float32Array of what else it needs)
  // Returns what ExecuteOp() returns.
  napi_value RunOwnKernel(napi_env env, napi_value name_value,
                          napi_value input_tensor_ids,
                          napi_value numbers_value);

  // Load a SavedModel from a path:
`,
}

/** At the end of the file, where all that it uses is known. */
const definition: Replacement = {
  find: `}  // namespace tfnodejs
`,
  replace: `}  // namespace tfnodejs

#include "tmu_backend.h"
`,
}

const wrapper: Replacement = {
  find: `static napi_value InitTFNodeJSBinding(napi_env env, napi_value exports) {
`,
  replace: `static napi_value RunOwnKernel(napi_env env, napi_callback_info info) {
  size_t argc = 3;
  napi_value args[3];
  napi_value js_this;
  napi_status nstatus =
      napi_get_cb_info(env, info, &argc, args, &js_this, nullptr);
  ENSURE_NAPI_OK_RETVAL(env, nstatus, nullptr);
  TFJSBackend *const backend = GetTFJSBackend(env);
  if (!backend) return nullptr;
  return backend->RunOwnKernel(env, args[0], args[1], args[2]);
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
      {"runOwnKernel", nullptr, RunOwnKernel, nullptr, nullptr, nullptr,
       napi_default, nullptr},
`,
}

const replacements: Readonly<Record<string, readonly Replacement[]>> = {
  'tfjs_backend.cc': [...listAttributes, uninterrupted, includes, definition],
  'tfjs_backend.h': [declaration],
  'tfjs_binding.cc': [wrapper, exported],
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
