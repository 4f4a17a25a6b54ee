/** NVIDIA GPUs of this machine, without loading a library of theirs. */
import { execFile, execFileSync } from 'node:child_process'
import { existsSync, readdirSync } from 'node:fs'
import { promisify } from 'node:util'
import { AppError } from '#shared/errors.ts'
import { formatMebibytes } from '#shared/units.ts'

const limitMs = 20_000

export interface Gpu {
  /** As CUDA_VISIBLE_DEVICES takes it. */
  readonly id: string
  readonly name: string
  readonly memoryBytes: number
  /** `560.35.03` */
  readonly driver: string
}

/** The driver's tool; within Windows' Linux it is beside the driver that Windows brings. */
const tools = ['nvidia-smi', '/usr/lib/wsl/lib/nvidia-smi']
const question = ['--query-gpu=index,uuid,name,memory.total,driver_version', '--format=csv,noheader,nounits']

/** CUDA 12 runs on drivers since this one. */
const oldestDriver = 525

type Environment = Readonly<Record<string, string | undefined>>

/** What `nvidia-smi` answered to `question`; one that isn't named by CUDA_VISIBLE_DEVICES, where that is set, counts not. */
export function parseGpus(answer: string, env: Environment = process.env): readonly Gpu[] {
  const listed = answer
    .split('\n')
    .map((line) => line.split(',').map((field) => field.trim()))
    .filter(([index]) => index !== '')
  const chosen = chosenGpus(env)
  const unknown = chosen?.findIndex((id) => !listed.some(([index, uuid]) => names(id, index, uuid))) ?? -1
  const visible = unknown < 0 ? chosen : chosen?.slice(0, unknown)
  return listed
    .filter(([index, uuid]) => visible === undefined || visible.some((id) => names(id, index, uuid)))
    .flatMap(([id, , name, mebibytes, driver]) =>
      driver === undefined ? [] : [{ id, name, memoryBytes: Number(mebibytes) * 2 ** 20, driver }],
    )
}

/** What CUDA_VISIBLE_DEVICES names; undefined where it isn't set. CUDA ignores all from the first id on that is none, or comes again. */
function chosenGpus(env: Environment): readonly string[] | undefined {
  const ids = env['CUDA_VISIBLE_DEVICES']?.split(',').map((id) => id.trim())
  const end = ids?.findIndex((id, i) => !/^(\d+|(GPU|MIG)-.+)$/.test(id) || ids.indexOf(id) < i) ?? -1
  return end < 0 ? ids : ids?.slice(0, end)
}

/** CUDA takes a GPU's number, or enough of its UUID to know it by. A part's UUID doesn't say which GPU it is of. */
function names(id: string, index: string, uuid: string | undefined): boolean {
  if (id.startsWith('MIG-')) return true
  return id === index || (id.startsWith('GPU-') && uuid?.startsWith(id) === true)
}

/** @throws Error when no tool answers. */
async function askTool(): Promise<string> {
  let last: unknown
  for (const tool of tools) {
    try {
      return (await promisify(execFile)(tool, question, { timeout: limitMs })).stdout
    } catch (error) {
      last = error
    }
  }
  throw last
}

/** @throws AppError `engine-unavailable` when there is no GPU that CUDA 12 runs on, or the driver is missing. */
export async function requireGpu(): Promise<void> {
  const answer = await askTool().catch((cause: unknown) => {
    throw new AppError('engine-unavailable', 'No NVIDIA GPU was found on this machine: its driver does not answer.', {
      hint: driverHint,
      cause,
    })
  })
  checkGpus(answer)
}

const driverHint = 'Where there is one, install its driver (nvidia-smi must list it); else use another engine.'

/**
 * What speaks against CUDA 12 in the tool's answer.
 * @throws AppError `engine-unavailable`.
 */
export function checkGpus(answer: string, env: Environment = process.env): void {
  if (parseGpus(answer, {}).length === 0) {
    throw new AppError('engine-unavailable', 'No NVIDIA GPU was found on this machine: its driver lists none.', {
      hint: driverHint,
    })
  }
  const [gpu] = parseGpus(answer, env)
  if (gpu === undefined) {
    throw new AppError(
      'engine-unavailable',
      `CUDA_VISIBLE_DEVICES is "${env['CUDA_VISIBLE_DEVICES'] ?? ''}", which names no NVIDIA GPU of this machine.`,
      { hint: 'Remove that variable, or set it to numbers that nvidia-smi lists, then start the program again.' },
    )
  }
  if (Number.parseInt(gpu.driver, 10) >= oldestDriver) return
  throw new AppError('engine-unavailable', `The NVIDIA driver ${gpu.driver} is too old for the cuda engine.`, {
    hint: `Install driver ${oldestDriver} or newer, then try again.`,
  })
}

/** Why TensorFlow, which sees no GPU, sees none. */
export async function whyNoGpu(require: () => Promise<void> = requireGpu): Promise<AppError> {
  try {
    await require()
  } catch (error) {
    return AppError.from(error)
  }
  return new AppError(
    'engine-unavailable',
    'The NVIDIA driver answers, but TensorFlow can\u2019t use the GPU: it may be too old for CUDA 12, or a library of CUDA does not load.',
    {
      hint: 'Update the driver, and install the engine again with: tmu engine install cuda. What TensorFlow says of it: tmu engine doctor',
    },
  )
}

/** Name and memory of the GPUs that this process may use, for a worker that is about to use them. */
export function describeGpus(): string {
  for (const tool of tools) {
    try {
      const gpus = parseGpus(
        execFileSync(tool, question, { encoding: 'utf8', timeout: limitMs, stdio: ['ignore', 'pipe', 'ignore'] }),
      )
      if (gpus.length > 0)
        return gpus.map(({ name, memoryBytes }) => `${name}, ${formatMebibytes(memoryBytes)}`).join('; ')
    } catch {
      // Not there, or without its driver: the next, or none.
    }
  }
  return 'an NVIDIA GPU'
}

/**
 * The GPUs for one worker each, as CUDA_VISIBLE_DEVICES takes them; at least one, since the engine, not this, says that there is
 * none. Asked without starting a process.
 */
export function gpuSlots(
  env: Environment = process.env,
  devices: () => readonly string[] = deviceFiles,
): readonly string[] {
  const chosen = chosenGpus(env)
  // None stays none.
  if (chosen !== undefined) return chosen.length > 0 ? chosen : ['-1']
  const count = devices().filter((name) => /^nvidia\d+$/.test(name)).length
  return Array.from({ length: Math.max(1, count) }, (_, i) => String(i))
}

function deviceFiles(): readonly string[] {
  return existsSync('/dev') ? readdirSync('/dev') : []
}
