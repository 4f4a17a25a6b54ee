/** Every error a user can see carries one of these codes; nothing is classified by its text. */
export const errorCodes = [
  'bad-input',
  'not-found',
  'already-exists',
  'conflict',
  'cancelled',
  'corrupt',
  'workspace-locked',
  'workspace-newer',
  'workspace-read-only',
  'disk-full',
  'engine-unavailable',
  'out-of-memory',
  'worker-died',
  'diverged',
  'unsupported',
  'unauthorized',
  'internal',
] as const
export type ErrorCode = (typeof errorCodes)[number]

export interface AppErrorShape {
  readonly code: ErrorCode
  /** What was wrong, naming the culprit. One sentence. */
  readonly message: string
  /** What to do about it. One sentence. */
  readonly hint?: string | undefined
  readonly details?: unknown
}

/** The one error type that crosses rooms and shells. */
export class AppError extends Error implements AppErrorShape {
  override readonly name = 'AppError'
  readonly code: ErrorCode
  readonly hint: string | undefined
  readonly details: unknown

  constructor(code: ErrorCode, message: string, options: { hint?: string; details?: unknown; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.code = code
    this.hint = options.hint
    this.details = options.details
  }

  toJSON(): AppErrorShape {
    return { code: this.code, message: this.message, hint: this.hint, details: this.details }
  }

  static fromJSON(shape: AppErrorShape): AppError {
    const options: { hint?: string; details?: unknown } = { details: shape.details }
    if (shape.hint !== undefined) options.hint = shape.hint
    return new AppError(shape.code, shape.message, options)
  }

  /** Wraps anything thrown. An AppError is returned as it is; anything else becomes `internal`. */
  static from(error: unknown): AppError {
    if (error instanceof AppError) return error
    if (error instanceof Error) return new AppError('internal', error.message, { cause: error })
    return new AppError('internal', String(error))
  }
}

/** The command line's exit code for an error: 130 cancelled, 2 bad input, 1 anything else. */
export function exitCodeOf(code: ErrorCode): 1 | 2 | 130 {
  switch (code) {
    case 'cancelled':
      return 130
    case 'bad-input':
    case 'not-found':
    case 'already-exists':
    case 'conflict':
    case 'unsupported':
    case 'engine-unavailable':
    case 'workspace-newer':
    case 'workspace-read-only':
    case 'disk-full':
    case 'engine-unavailable':
      return 2
    default:
      return 1
  }
}

export function assertNever(value: never): never {
  throw new AppError('internal', `Unexpected value ${JSON.stringify(value)}.`)
}
