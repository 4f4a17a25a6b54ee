import type { Command } from 'commander'
import { conditionText } from '#shared/domain/in-effect.ts'
import type { MethodInfo } from '#shared/domain/system.ts'
import { AppError } from '#shared/errors.ts'
import type { CommandContext } from '../context.ts'
import { table } from '../output.ts'

export function registerMethodCommands(program: Command, context: CommandContext): void {
  const method = program.command('method').description('what a study can compare: methods, baselines and controls')
  method
    .command('list')
    .description('every method; those marked usual are in a study that names none')
    .action((_options: unknown, command: Command) =>
      context.run(command, 'machine', async ({ client, output }) => {
        const methods = await client.system.methods()
        output.result(methods, () =>
          [
            table(
              ['ID', 'FAMILY', 'USUAL', 'WHAT IT DOES'],
              methods.map(({ id, family, usual, summary }) => [id, family, usual ? 'yes' : '', summary]),
            ),
            '',
            'Parameters and source of one: tmu method show ID',
          ].join('\n'),
        )
        return 0
      }),
    )

  method
    .command('show')
    .argument('<id>')
    .description('what it does, where it comes from, and its parameters with default and range')
    .action((id: string, _options: unknown, command: Command) =>
      context.run(command, 'machine', async ({ client, output }) => {
        const methods = await client.system.methods()
        const found = methods.find((each) => each.id === id)
        if (found === undefined) {
          throw new AppError('bad-input', `There is no method ${JSON.stringify(id)}.`, {
            hint: `Methods are ${methods.map((each) => each.id).join(', ')}.`,
            details: { method: id },
          })
        }
        output.result(found, () => describe(found))
        return 0
      }),
    )
}

function describe(method: MethodInfo): string {
  const keys = Object.keys(method.defaults)
  const head = [
    `${method.title} (${method.family}${method.usual ? ', usual' : ''})`,
    method.summary,
    `Source: ${method.citation}`,
    '',
  ]
  if (keys.length === 0) return [...head, 'It has no parameters.'].join('\n')
  const properties = (method.schema['properties'] ?? {}) as Readonly<Record<string, Property>>
  const rows = keys.map((key) => {
    const property = properties[key] ?? {}
    return [key, shortly(method.defaults[key]), rangeOf(property), (property.description ?? '') + limitOf(method, key)]
  })
  const example = `${method.id}.${keys[0]}=${shortly(method.defaults[keys[0]])}`
  return [...head, table(['PARAMETER', 'DEFAULT', 'RANGE', 'MEANING'], rows), '', `Set one: --set ${example}`].join(
    '\n',
  )
}

/** When the parameter is in effect, where that isn't always. */
function limitOf({ inEffect = {} }: MethodInfo, key: string): string {
  if (!Object.hasOwn(inEffect, key)) return ''
  const condition = conditionText(inEffect, key)
  return condition === '' ? ' (without effect here)' : ` (in effect with ${condition})`
}

/** 4/255 has sixteen digits, and four say as much. */
function shortly(value: unknown): string {
  return typeof value === 'number' ? String(Number(value.toPrecision(4))) : String(value)
}

/** What of a JSON Schema a scalar parameter has. */
interface Property {
  readonly type?: string
  readonly enum?: readonly unknown[]
  readonly minimum?: number
  readonly maximum?: number
  readonly exclusiveMinimum?: number
  readonly exclusiveMaximum?: number
  readonly description?: string
}

/** `1..1000`, `>0..10`, `0..<1`, `adam|sgd`, `true|false`. */
function rangeOf({ type, enum: choices, ...bounds }: Property): string {
  if (choices !== undefined) return choices.join('|')
  if (type === 'boolean') return 'true|false'
  const low = bounds.exclusiveMinimum === undefined ? (bounds.minimum ?? '') : `>${bounds.exclusiveMinimum}`
  const high = bounds.exclusiveMaximum === undefined ? (bounds.maximum ?? '') : `<${bounds.exclusiveMaximum}`
  return low === '' && high === '' ? '' : `${low}..${high}`
}
