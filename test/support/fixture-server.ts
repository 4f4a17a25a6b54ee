/**
 * The window's pages through the real local server, with a made-up workbench behind the contract. For view tests of
 * states that are hard to reach, and for looking at screens: `node test/support/fixture-server.ts full` prints an address.
 */
import { pathToFileURL } from 'node:url'
import { createRouter } from '#main/shell/router.ts'
import { startServer, type WorkbenchServer } from '#main/shell/server/server.ts'
import { builtPages } from './built-pages.ts'
import { FixtureWorkbench, type Scenario } from './fixture/workbench.ts'

export interface FixtureServer extends WorkbenchServer {
  readonly workbench: FixtureWorkbench
}

export async function startFixtureServer(
  scenario: Scenario,
  options: { readonly port?: number; readonly pages?: string } = {},
): Promise<FixtureServer> {
  const workbench = new FixtureWorkbench(scenario)
  const pages = options.pages ?? (await builtPages())
  const server = await startServer({ router: createRouter(workbench.api), pages, port: options.port ?? 0 })
  return {
    ...server,
    workbench,
    close: async () => {
      workbench.close()
      await server.close()
    },
  }
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const server = await startFixtureServer((process.argv[2] ?? 'full') as Scenario, {
    port: Number(process.argv[3] ?? 0),
  })
  process.stdout.write(`${server.address}\n`)
}
