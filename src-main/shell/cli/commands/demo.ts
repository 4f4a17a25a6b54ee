import type { Command } from 'commander'
import type { CommandContext } from '../context.ts'
import { runAndFollow } from '../follow.ts'
import { describeResult, exitCodeOfResult } from '../result-text.ts'
import { serveUntilInterrupted } from './serve.ts'

export function registerDemoCommand(program: Command, context: CommandContext): void {
  program
    .command('demo')
    .description('the guided study on real images: forget part of a class of Fashion-MNIST, next to the gold')
    .option('--fast', 'a smaller study of about two minutes')
    .action((options: { fast?: boolean }, command: Command) =>
      context.run(command, 'write', async (call) => {
        const study = await call.client.demo.prepare({ fast: options.fast === true })
        call.output.note(
          `Study ${study.name}: TMU forgets 30 % of the shirts, next to ${study.config.goldSeeds.length} gold models and ${study.config.methods.length - 1} other rows.`,
        )
        const result = await runAndFollow(call, study.name)
        call.output.result(result, () => describeResult(result))
        const exitCode = exitCodeOfResult(result)
        if (process.stdout.isTTY !== true || call.output.json) return exitCode
        await serveUntilInterrupted(call, { open: true, path: `/#/studies/${study.id}` })
        return exitCode
      }),
    )
}
