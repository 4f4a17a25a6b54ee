import { join, resolve } from 'node:path'
import type { Command } from 'commander'
import { stringify } from 'csv-stringify/sync'
import { createFolders } from '#main/artifacts/create-folders.ts'
import { AppError } from '#shared/errors.ts'
import type { CommandContext } from '../context.ts'
import { studyTables } from '../study-tables.ts'
import { writeTextFile } from '../write-text-file.ts'

export function registerExportCommand(study: Command, context: CommandContext): void {
  study
    .command('export')
    .argument('<name>')
    .description('figures, verdicts and attacks as CSV, and everything as JSON')
    .requiredOption('--out <folder>', 'made where it is missing; files of the same names are replaced')
    .action((name: string, options: { out: string }, command: Command) =>
      context.run(command, 'read', async ({ client, output }) => {
        const [result, attacks] = await Promise.all([
          client.studies.result({ study: name }),
          client.studies.attackResults({ study: name }),
        ])
        const folder = resolve(options.out)
        await makeFolder(folder)
        const files: string[] = []
        const write = async (file: string, text: string): Promise<void> => {
          const path = join(folder, file)
          await writeTextFile(path, text)
          files.push(path)
        }
        for (const [file, rows] of Object.entries(studyTables(result, attacks))) {
          await write(file, stringify(rows.map((row) => [...row])))
        }
        await write('result.json', `${JSON.stringify({ result, attacks }, null, 2)}\n`)
        output.result({ study: name, files }, () => `Wrote ${files.length} files to ${folder}`)
        return 0
      }),
    )
}

async function makeFolder(folder: string): Promise<void> {
  try {
    await createFolders(folder)
  } catch (error) {
    throw new AppError('bad-input', `The folder "${folder}" can't be made.`, {
      hint: 'Choose a folder that you may write to.',
      cause: error,
    })
  }
}
