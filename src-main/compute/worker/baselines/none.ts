import { z } from 'zod'
import { defineMethod } from '../../method.ts'

export const none = defineMethod({
  id: 'none',
  title: 'Nothing done',
  family: 'control',
  summary: 'The original model as it is.',
  citation: 'Control',
  params: z.strictObject({}),
  refusesClassRemoval: false,
  needs: () => ({}),
  estimate: () => ({ visitsForward: 0, visitsBackward: 0 }),
  run: null,
})
