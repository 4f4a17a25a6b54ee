import type { Catalogue } from './catalogue.ts'
import { attacks } from './zh/attacks.ts'
import { common } from './zh/common.ts'
import { data } from './zh/data.ts'
import { explorer } from './zh/explorer.ts'
import { frame } from './zh/frame.ts'
import { metric } from './zh/metric.ts'
import { quality } from './zh/quality.ts'
import { result } from './zh/result.ts'
import { settings } from './zh/settings.ts'
import { start } from './zh/start.ts'
import { studies } from './zh/studies.ts'
import { study } from './zh/study.ts'

export const zh: Catalogue = {
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
