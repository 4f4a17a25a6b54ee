import { attacks } from './en/attacks.ts'
import { common } from './en/common.ts'
import { data } from './en/data.ts'
import { explorer } from './en/explorer.ts'
import { frame } from './en/frame.ts'
import { metric } from './en/metric.ts'
import { quality } from './en/quality.ts'
import { result } from './en/result.ts'
import { settings } from './en/settings.ts'
import { start } from './en/start.ts'
import { studies } from './en/studies.ts'
import { study } from './en/study.ts'

/**
 * Every text of the window. Sentence case, plain words, what to do next in every empty state. `{n}` is the
 * count; forms for one and many stand on both sides of a bar.
 */
export const en = {
  ...common,
  ...frame,
  ...start,
  ...data,
  ...explorer,
  ...quality,
  ...studies,
  ...study,
  ...result,
  ...settings,
  ...metric,
  ...attacks,
}
