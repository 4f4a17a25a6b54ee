/** Takes a workspace's lock, says so, and keeps it until its standard input ends. Then it releases or just ends. */
import { acquireLock } from '#main/store/lock.ts'
import { AppError } from '#shared/errors.ts'

const [root = '', ending = 'release', patience = '0'] = process.argv.slice(2)
try {
  const lock = await acquireLock(root, { patienceMs: Number(patience) })
  process.stdout.write(`held ${lock.holder.id}\n`)
  process.stdin.resume()
  await new Promise((resolve) => process.stdin.once('end', resolve))
  if (ending === 'release') await lock.release()
  process.exit(0)
} catch (error) {
  const { code, details } = AppError.from(error)
  process.stdout.write(`refused ${JSON.stringify({ code, details })}\n`)
}
