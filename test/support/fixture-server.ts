/**
 * The window's pages through the real local server, with a made-up workbench behind the contract. For view tests of
 * states that are hard to reach, and for looking at screens: `node test/support/fixture-server.ts full` prints an address.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { pathToFileURL } from 'node:url'
import { createRouter } from '#main/shell/router.ts'
import { startServer, type WorkbenchServer } from '#main/shell/server/server.ts'
import type { WorkbenchApi } from '#shared/contract/api.ts'
import { Random } from '#shared/random.ts'
import { builtPages } from './built-pages.ts'
import { FixtureWorkbench, type Scenario } from './fixture/workbench.ts'

type UseCase = (...given: unknown[]) => unknown

export interface FixtureServer extends WorkbenchServer {
  readonly workbench: FixtureWorkbench
  /** Use cases that were asked for and have not answered yet; streams count until they begin. */
  unanswered(): number
}

export async function startFixtureServer(
  scenario: Scenario,
  options: { readonly port?: number; readonly pages?: string } = {},
): Promise<FixtureServer> {
  const workbench = new FixtureWorkbench(scenario)
  const pages = options.pages ?? (await builtPages())
  const longestDelay = Number(process.env['TMU_TEST_DELAY'] ?? 0)
  const { api, unanswered } = counted(longestDelay > 0 ? slowed(workbench.api, longestDelay) : workbench.api)
  const server = await startServer({ router: createRouter(api), pages, port: options.port ?? 0 })
  return {
    ...server,
    workbench,
    unanswered,
    close: async () => {
      workbench.close()
      await server.close()
    },
  }
}

/**
 * Every answer and every event comes 0 to `longest` milliseconds late, each by a chance of its own: what a test or a
 * view takes for granted about their order shows (`TMU_TEST_DELAY=400 npm run test:e2e`).
 */
function slowed(api: WorkbenchApi, longest: number): WorkbenchApi {
  const random = Random.of(longest, 'delays')
  const late = () => sleep(random.uniform() * longest)
  async function* lateEvents(events: AsyncIterable<unknown>) {
    for await (const event of events) {
      await late()
      yield event
    }
  }
  const slow =
    (useCase: UseCase): UseCase =>
    async (...given) => {
      await late()
      const answer = await useCase(...given)
      const isStream = answer instanceof Object && Symbol.asyncIterator in answer
      return isStream ? lateEvents(answer as AsyncIterable<unknown>) : answer
    }
  return eachUseCase(api, slow)
}

function counted(api: WorkbenchApi): { readonly api: WorkbenchApi; unanswered(): number } {
  let count = 0
  const counting =
    (useCase: UseCase): UseCase =>
    (...given) => {
      count++
      const done = (): void => void count--
      try {
        const answer = useCase(...given)
        void Promise.resolve(answer).then(done, done)
        return answer
      } catch (error) {
        done()
        throw error
      }
    }
  return { api: eachUseCase(api, counting), unanswered: () => count }
}

function eachUseCase(api: WorkbenchApi, change: (useCase: UseCase) => UseCase): WorkbenchApi {
  const groups = Object.entries(api).map(([group, useCases]) => {
    const changed = Object.entries(useCases as Record<string, UseCase>).map(([name, useCase]) => [
      name,
      change(useCase),
    ])
    return [group, Object.fromEntries(changed)]
  })
  return Object.fromEntries(groups) as WorkbenchApi
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const server = await startFixtureServer((process.argv[2] ?? 'full') as Scenario, {
    port: Number(process.argv[3] ?? 0),
  })
  process.stdout.write(`${server.address}\n`)
}
