import { type Ref, ref, shallowRef } from 'vue'
import { toast } from 'vue-sonner'
import { toAppError } from '#shared/contract/errors.ts'
import type { AppError } from '#shared/errors.ts'

export interface Action<Args extends readonly unknown[], T> {
  readonly busy: Readonly<Ref<boolean>>
  readonly error: Ref<AppError | null>
  /** Resolves with null when it failed; the error is then in `error`, and in a toast unless `inline`. */
  readonly run: (...args: Args) => Promise<T | null>
}

/** A click that does something: one at a time, its failure shown beside its cause or as a toast. */
export function useAction<Args extends readonly unknown[], T>(
  act: (...args: Args) => Promise<T>,
  options: { readonly inline?: boolean } = {},
): Action<Args, T> {
  const busy = ref(false)
  const error = shallowRef<AppError | null>(null)
  async function run(...args: Args): Promise<T | null> {
    if (busy.value) return null
    busy.value = true
    error.value = null
    try {
      return await act(...args)
    } catch (cause) {
      const known = toAppError(cause)
      if (known.code === 'cancelled') return null
      error.value = known
      if (options.inline !== true) showError(known)
      return null
    } finally {
      busy.value = false
    }
  }
  return { busy, error, run }
}

export function showError(error: AppError): void {
  toast.error(error.message, error.hint === undefined ? {} : { description: error.hint, duration: 10_000 })
}
