import { existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { forkLauncher } from '#main/compute/pool/fork-launcher.ts'
import type { Launcher } from '#main/compute/pool/launcher.ts'
import { type PageOpener, pageLauncher } from '#main/compute/pool/page-launcher.ts'
import { currentHolder } from '#main/store/lock.ts'
import { socketPath } from '#main/store/socket-path.ts'
import { locateWorkspace, workspacePaths } from '#main/store/workspace.ts'
import { openWorkbench } from '#main/workbench/workbench.ts'
import type { WorkbenchApi } from '#shared/contract/api.ts'
import type { SystemInfo } from '#shared/domain/system.ts'
import { AppError } from '#shared/errors.ts'
import { chromiumPages } from './chromium-pages.ts'
import { createInProcessClient, type WorkbenchClient } from './client.ts'
import { logFault } from './fault-log.ts'
import { attach, createToken, listenOnLocalSocket } from './local-socket.ts'
import { createRouter } from './router.ts'
import { stageCommandOf } from './stage-command.ts'

export interface Connection {
  readonly client: WorkbenchClient
  readonly api: WorkbenchApi
  /** Another process holds the workspace; this one speaks to it. */
  readonly attached: boolean
  /** Aborts when the process that this one is attached to ends. */
  readonly lost: AbortSignal
  /** Of a holder: resolves when nobody is attached to it any more, or when the signal aborts. */
  untilUnused(signal: AbortSignal): Promise<void>
  /** Logs a fault of the program; returns the hint that says where. */
  report(fault: unknown): string
  close(): Promise<void>
}

export interface ConnectOptions {
  /** Empty: TMU_WORKSPACE, else the platform's data folder. */
  readonly workspace: string
  /**
   * `read` takes no lock where nobody holds the workspace, and makes none where there is none; neither does `machine`,
   * which asks about this machine and does without one.
   */
  readonly mode: 'read' | 'write' | 'machine'
  readonly shell: SystemInfo['shell']
  readonly launcher?: Launcher
  /** Opens the pages that workers of the webgpu engine run in; default: in a Chromium of this machine. */
  readonly pages?: PageOpener
  readonly note: (line: string) => void
}

/** How long to try while holders come and go: several commands that are started at once follow one another. */
const patienceMs = 10_000

/**
 * The way to a workspace, for every shell: attach to the process that holds it, or hold it oneself and
 * listen for others, or read it without a lock.
 */
export async function connect(options: ConnectOptions): Promise<Connection> {
  const workspace = locateWorkspace(options.workspace)
  const deadline = performance.now() + patienceMs
  for (;;) {
    const attached = await attachToHolder(workspace, deadline)
    if (attached !== null) return attached
    const isThere = existsSync(workspacePaths(workspace).database)
    if (options.mode === 'machine' && !isThere) return await openPassing(options)
    try {
      return await open(options, workspace, options.mode !== 'write')
    } catch (error) {
      // Two commands started at once: the other one was faster.
      if (!isLocked(error) || performance.now() > deadline) throw error
    }
    await wait(50)
  }
}

/** An empty workspace that goes away again. */
async function openPassing(options: ConnectOptions): Promise<Connection> {
  const folder = await mkdtemp(join(tmpdir(), 'tmu-workspace-'))
  const remove = (): Promise<void> => rm(folder, { recursive: true, force: true })
  try {
    const connection = await open(options, folder, false, locateWorkspace(options.workspace))
    return { ...connection, close: () => connection.close().finally(remove) }
  } catch (error) {
    await remove()
    throw error
  }
}

/** `faultsOf`: the workspace whose log faults go to. */
async function open(
  options: ConnectOptions,
  workspace: string,
  readOnly: boolean,
  faultsOf = workspace,
): Promise<Connection> {
  const workbench = await openWorkbench({
    workspace,
    launcher: options.launcher ?? forkLauncher,
    pageLauncher: pageLauncher(options.pages ?? chromiumPages(options.note)),
    shell: options.shell,
    readOnly,
    createExecutor: stageCommandOf(process.env),
    note: options.note,
  })
  const report = (fault: unknown): string => logFault(fault, faultsOf)
  const router = createRouter(workbench.api, report)
  const client = createInProcessClient(router)
  const base = { client, api: workbench.api, attached: false, lost: new AbortController().signal, report }
  if (readOnly) return { ...base, untilUnused: async () => {}, close: () => workbench.close() }
  try {
    const path = socketPath(workspace)
    const token = createToken()
    const socket = await listenOnLocalSocket(router, path, token)
    await workbench.publish({ socketPath: path, token })
    return {
      ...base,
      untilUnused: (signal) => socket.untilUnused(signal, options.note),
      async close() {
        await socket.close()
        await workbench.close()
      },
    }
  } catch (error) {
    await workbench.close()
    throw error
  }
}

/** Null when nobody holds the workspace. A holder that has just begun, or is just ending, gets a moment. */
async function attachToHolder(workspace: string, deadline: number): Promise<Connection | null> {
  let refusal: unknown = new AppError(
    'workspace-locked',
    `The workspace "${workspace}" is held by a process that does not answer.`,
    { hint: 'End the other TMU Workbench process, or choose another workspace with --workspace.' },
  )
  do {
    const holder = await currentHolder(workspace)
    if (holder === null) return null
    if (holder.endpoint !== null) {
      try {
        const { client, lost, close } = await attach(holder.endpoint.socketPath, holder.endpoint.token)
        return {
          client,
          api: client as unknown as WorkbenchApi,
          attached: true,
          lost,
          untilUnused: async () => {},
          report: (fault) => logFault(fault, workspace),
          close,
        }
      } catch (error) {
        if (!isLocked(error)) throw error
        refusal = error
      }
    }
    await wait(100)
  } while (performance.now() < deadline)
  throw refusal
}

function isLocked(error: unknown): boolean {
  return error instanceof AppError && error.code === 'workspace-locked'
}
