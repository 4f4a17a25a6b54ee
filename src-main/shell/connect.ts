import { existsSync } from 'node:fs'
import { setTimeout as wait } from 'node:timers/promises'
import { forkLauncher } from '#main/compute/pool/fork-launcher.ts'
import type { Launcher } from '#main/compute/pool/launcher.ts'
import { currentHolder } from '#main/store/lock.ts'
import { socketPath } from '#main/store/socket-path.ts'
import { locateWorkspace, workspacePaths } from '#main/store/workspace.ts'
import { openWorkbench } from '#main/workbench/workbench.ts'
import type { WorkbenchApi } from '#shared/contract/api.ts'
import type { SystemInfo } from '#shared/domain/system.ts'
import { AppError } from '#shared/errors.ts'
import { createInProcessClient, type WorkbenchClient } from './client.ts'
import { attach, createToken, listenOnLocalSocket } from './local-socket.ts'
import { createRouter } from './router.ts'

export interface Connection {
  readonly client: WorkbenchClient
  readonly api: WorkbenchApi
  /** Another process holds the workspace; this one speaks to it. */
  readonly attached: boolean
  close(): Promise<void>
}

export interface ConnectOptions {
  /** Empty: TMU_WORKSPACE, else the platform's data folder. */
  readonly workspace: string
  /** `read` takes no lock where nobody holds the workspace. */
  readonly mode: 'read' | 'write'
  readonly shell: SystemInfo['shell']
  readonly launcher?: Launcher
  readonly note: (line: string) => void
}

/**
 * The way to a workspace, for every shell: attach to the process that holds it, or hold it oneself and
 * listen for others, or read it without a lock.
 */
export async function connect(options: ConnectOptions): Promise<Connection> {
  const workspace = locateWorkspace(options.workspace)
  const attached = await attachToHolder(workspace)
  if (attached !== null) return attached
  const readOnly = options.mode === 'read' && existsSync(workspacePaths(workspace).database)
  try {
    return await open(options, workspace, readOnly)
  } catch (error) {
    // Two commands started at once: the other one was faster.
    if (!(error instanceof AppError) || error.code !== 'workspace-locked') throw error
    const late = await attachToHolder(workspace)
    if (late === null) throw error
    return late
  }
}

async function open(options: ConnectOptions, workspace: string, readOnly: boolean): Promise<Connection> {
  const workbench = await openWorkbench({
    workspace,
    launcher: options.launcher ?? forkLauncher,
    shell: options.shell,
    readOnly,
    note: options.note,
  })
  const router = createRouter(workbench.api, (error) =>
    options.note(error instanceof Error ? (error.stack ?? error.message) : String(error)),
  )
  const client = createInProcessClient(router)
  if (readOnly) return { client, api: workbench.api, attached: false, close: () => workbench.close() }
  try {
    const path = socketPath(workspace)
    const token = createToken()
    const socket = await listenOnLocalSocket(router, path, token)
    await workbench.publish({ socketPath: path, token })
    return {
      client,
      api: workbench.api,
      attached: false,
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

/** Null when nobody holds the workspace. A holder that has just begun gets a moment to start listening. */
async function attachToHolder(workspace: string): Promise<Connection | null> {
  for (let waited = 0; waited < 50; waited++) {
    const holder = await currentHolder(workspace)
    if (holder === null) return null
    if (holder.endpoint !== null) {
      const { client, close } = await attach(holder.endpoint.socketPath, holder.endpoint.token)
      return { client, api: client as unknown as WorkbenchApi, attached: true, close }
    }
    await wait(100)
  }
  throw new AppError('workspace-locked', `The workspace "${workspace}" is held by a process that does not answer.`, {
    hint: 'End the other TMU Workbench process, or choose another workspace with --workspace.',
  })
}
