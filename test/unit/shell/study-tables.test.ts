import { describe, expect, it } from 'vitest'
import { studyTables } from '#main/shell/cli/study-tables.ts'
import { FixtureWorkbench } from '#test/support/fixture/workbench.ts'

async function tablesOf(study: string) {
  const { api } = new FixtureWorkbench('full')
  return studyTables(await api.studies.result({ study }), await api.studies.attackResults({ study }))
}

describe('the tables of a study', () => {
  it('are rectangles with a line of names', async () => {
    for (const [file, [names, ...rows]] of Object.entries(await tablesOf('st-shirts-over-five-seeds'))) {
      expect(rows.length, file).toBeGreaterThan(0)
      expect(new Set(rows.map((row) => row.length)), file).toEqual(new Set([names?.length]))
    }
  })

  it('give each figure of an attack with its interval and the gold beside it, and parts of F below', async () => {
    const { ['attacks.csv']: rows = [] } = await tablesOf('st-shirts-over-five-seeds')
    const [names, ...lines] = rows
    expect(names).toEqual('attack,method,seed,state,part,figure,value,ci95_low,ci95_high,n,absent,gold'.split(','))
    const rmia = lines.filter(([attack, method, seed]) => attack === 'rmia' && method === 'tmu' && seed === 1)
    expect(rmia.filter(([, , , , part]) => part === 'all').map((line) => line[5])).toEqual([
      'auc',
      'balancedAccuracy',
      'tprAtFpr01',
      'tprAtFpr001',
    ])
    expect(rmia.find((line) => line[5] === 'tprAtFpr001')?.slice(6, 11)).toEqual([
      null,
      null,
      null,
      null,
      'With n = 285 a TPR at 0.1 % cannot be resolved: it takes 1,000 non-members.',
    ])
    expect(rmia.map((line) => line[4])).toContain('trueHard')
  })

  it('leave out the files of attacks where there were none', async () => {
    expect(Object.keys(await tablesOf('st-demo'))).toEqual(['metrics.csv', 'verdicts.csv'])
  })
})
