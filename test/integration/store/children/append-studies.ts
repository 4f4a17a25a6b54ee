/** Becomes the holder and inserts studies for ever, saying each one's id once the store has taken it. */
import { writeSync } from 'node:fs'
import { openStore } from '#main/store/open-store.ts'
import type { StudyConfig } from '#shared/domain/study.ts'

const [root = '', configText = '{}'] = process.argv.slice(2)
const config = JSON.parse(configText) as StudyConfig
const { repositories } = await openStore(root)
for (let i = 0; ; i++) {
  const study = repositories.studies.insertStudy({ name: `${process.pid} ${i}`, config }, [
    { method: 'gold', seed: 0 },
    { method: 'tmu', seed: 0 },
  ])
  writeSync(1, `${study.id}\n`)
}
