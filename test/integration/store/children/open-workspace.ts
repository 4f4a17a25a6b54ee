/** Opens a workspace in the given mode and says what it found or why it was refused. */
import { openStore, openStoreForReading } from '#main/store/open-store.ts'
import { AppError } from '#shared/errors.ts'

const [root = '', mode = 'read-write'] = process.argv.slice(2)
try {
  const store = mode === 'read-write' ? await openStore(root) : await openStoreForReading(root)
  const datasets = store.repositories.datasets.listDatasets().map(({ name }) => name)
  await store.close()
  process.stdout.write(`${JSON.stringify({ datasets })}\n`)
} catch (error) {
  const { code, message, hint } = AppError.from(error)
  process.stdout.write(`${JSON.stringify({ code, message, hint })}\n`)
}
