import { existsSync } from 'node:fs'
import { availableParallelism, totalmem } from 'node:os'
import { z } from 'zod'
import { attackInfo, attacks } from '#main/compute/attacks.ts'
import { defaultMethods, methodIds, methodOf } from '#main/compute/methods.ts'
import { architectureInfos } from '#main/compute/worker/models/architecture-info.ts'
import { freeBytes } from '#main/store/workspace.ts'
import type { WorkbenchApi } from '#shared/contract/api.ts'
import type { EngineId } from '#shared/domain/engine.ts'
import type { MethodInfo, SystemInfo } from '#shared/domain/system.ts'
import packageFile from '../../../package.json' with { type: 'json' }
import { defaultDemoFile } from '../datasets/demo-set.ts'
import type { Engines } from './engines.ts'

export interface SystemParts {
  readonly workspace: string
  readonly shell: SystemInfo['shell']
  readonly readOnly: boolean
  readonly engines: Engines
  readonly demoFile?: string | undefined
  capacityOf(engine: EngineId): number
}

/** The contract's procedures about this machine and this program. */
export function createSystemUseCases(parts: SystemParts): Pick<WorkbenchApi, 'system' | 'engines'> {
  const { workspace, shell, readOnly, engines, capacityOf, demoFile = defaultDemoFile } = parts
  return {
    system: {
      async info() {
        const [known, { engine, passedOver }, freeDiskBytes] = await Promise.all([
          engines.list(),
          engines.choice(),
          freeBytes(workspace),
        ])
        return {
          version: packageFile.version,
          workspace,
          shell,
          platform: `${process.platform} ${process.arch}`,
          cpuCount: availableParallelism(),
          memoryBytes: totalmem(),
          freeDiskBytes,
          workers: capacityOf(engine),
          engine,
          passedOver,
          engines: known,
          demoAvailable: existsSync(demoFile),
          readOnly,
        }
      },
      methods: async () => methodIds.map(methodInfo),
      attacks: async () => attacks.map(attackInfo),
      architectures: async () => architectureInfos,
    },
    engines: {
      list: () => engines.list(),
      doctor: () => engines.test(),
      bench: ({ engines: wanted }, options) => engines.bench(wanted, options?.signal),
      files: async ({ engine }) => engines.files(engine),
      install: ({ engine, file }, options) => engines.install(engine, file, options?.signal),
      uninstall: ({ engine }) => engines.uninstall(engine),
    },
  }
}

function methodInfo(id: string): MethodInfo {
  const { title, family, summary, citation, params, inEffect = {} } = methodOf(id)
  const schema = z.toJSONSchema(params, { io: 'input' })
  const usual = defaultMethods.includes(id)
  return { id, title, family, usual, summary, citation, defaults: params.parse({}), schema, inEffect }
}
