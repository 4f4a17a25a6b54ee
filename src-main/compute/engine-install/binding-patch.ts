/**
 * The change that the binding of tfjs-node needs: attributes that are lists of strings or of types. It takes single ones
 * only, and the fused operations of TensorFlow name what they fuse in such lists.
 */
import { AppError } from '#shared/errors.ts'

interface Replacement {
  readonly find: string
  readonly replace: string
}

const replacements: readonly Replacement[] = [
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

/** The patched text of the binding's tfjs_backend.cc. @throws AppError `unsupported` for another version's text. */
export function patchBinding(source: string): string {
  return replacements.reduce((text, { find, replace }) => {
    if (text.split(find).length !== 2) {
      throw new AppError('unsupported', 'The sources of @tensorflow/tfjs-node-gpu are not those of version 4.22.0.', {
        hint: 'Reinstall the dependencies of this program.',
      })
    }
    return text.replace(find, () => replace)
  }, source)
}
