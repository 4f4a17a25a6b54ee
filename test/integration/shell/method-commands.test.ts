import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { methodIds } from '#main/compute/methods.ts'
import type { MethodInfo } from '#shared/domain/system.ts'
import { temporaryFolder, tmu, tmuJson } from '#test/support/tmu-process.ts'

describe('methods by the command line', () => {
  test('are listed with their parameters, and shown one by one; a wrong name is bad input', async () => {
    await using folder = await temporaryFolder()
    const workspace = join(folder.path, 'workspace')
    const methods = await tmuJson<MethodInfo[]>(workspace, 'method', 'list')
    expect(methods.map(({ id }) => id)).toEqual(methodIds)
    expect(methods.find(({ id }) => id === 'ssd')).toMatchObject({
      title: 'SSD',
      family: 'baseline',
      usual: false,
      defaults: { alpha: 10, lambda: 1, batchSize: 64 },
      citation: expect.stringContaining('Foster et al. 2024'),
    })

    const shown = await tmu(workspace, 'method', 'show', 'neggrad-plus')
    expect(shown.code).toBe(0)
    expect(shown.stdout).toMatch(/^NegGrad\+ \(baseline, usual\)\n/)
    expect(shown.stdout).toMatch(/^alpha +0\.95 +0\.\.1 +a: weight of the retained loss/m)
    expect(shown.stdout).toMatch(/^lr +0\.01 +>0\.\.10 /m)
    expect(shown.stdout).toContain('Set one: --set neggrad-plus.alpha=0.95')

    const wrong = await tmu(workspace, 'method', 'show', 'neggrad')
    expect(wrong.code).toBe(2)
    expect(wrong.stderr).toContain('There is no method "neggrad".')
  })
})
