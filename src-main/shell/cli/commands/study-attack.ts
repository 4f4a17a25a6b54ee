import type { Command } from 'commander'
import { attackIds } from '#shared/domain/attack.ts'
import { describeAttacks } from '../attack-text.ts'
import type { CommandContext } from '../context.ts'
import { runAndFollow } from '../follow.ts'
import { parseInteger, parseList, parseSettings } from '../parse.ts'
import { describePlan } from '../plan-text.ts'
import { exitCodeOfResult } from '../result-text.ts'

export interface AttackOptions {
  readonly attacks?: string
  readonly shadows?: string
  readonly models?: string
}

/** The options that `study create` and `study attack` share. */
export function withAttackOptions(command: Command): Command {
  return command
    .option('--attacks <ids>', `comma-separated: ${attackIds.join(', ')}`)
    .option('--shadows <n>', 'shadow models for lira, rmia and ulira: an even number (default: 8, for rmia alone 2)')
    .option('--models <n>', 'unlearned and gold models each for klom and forgetting-quality (default: 8)')
}

export function attackRequest({ attacks, shadows, models }: AttackOptions) {
  return {
    ...(shadows === undefined ? {} : { shadows: parseInteger(shadows, '--shadows') }),
    ...(models === undefined ? {} : { models: parseInteger(models, '--models') }),
    ...(attacks === undefined ? {} : { attacks: parseList(attacks) }),
  }
}

export function registerAttackCommand(study: Command, context: CommandContext): void {
  withAttackOptions(study.command('attack'))
    .argument('<name>')
    .description('attack a study, finished or not, and nothing is computed again (default: attacks that train nothing)')
    .option('--set <attack.key=value...>', 'parameters, for example rmia.gamma=2', [])
    .option('--plan', 'say what it would train and compute, and change nothing')
    .action((name: string, options: AttackOptions & { set: readonly string[]; plan?: boolean }, command: Command) =>
      context.run(command, options.plan === true ? 'read' : 'write', async (call) => {
        const request = { study: name, ...attackRequest(options), settings: parseSettings(options.set) }
        if (options.plan === true) {
          const plan = await call.client.studies.planAttack(request)
          call.output.result(plan, () => describePlan(plan))
          return 0
        }
        await call.client.studies.attack(request)
        const result = await runAndFollow(call, name)
        call.output.result(result, () => describeAttacks(result.attacks))
        return result.attacks.some(({ state }) => state === 'failed') ? 1 : exitCodeOfResult(result)
      }),
    )
}
