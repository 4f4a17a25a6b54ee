import { describe, expect, it } from 'vitest'
import { JobProgress, ranksOf } from '#main/workbench/jobs/job-progress.ts'
import type { StageKey } from '#shared/ids.ts'

const key = (name: string): StageKey => name as StageKey
const stage = (name: string, seconds: number, rank = seconds) => ({ key: key(name), seconds, rank })

describe('ranks', () => {
  it('are the longest chain of seconds from a stage to the end', () => {
    const stages = [
      { key: key('original'), dependsOn: [], seconds: 10 },
      { key: key('gold'), dependsOn: [], seconds: 9 },
      { key: key('unlearn'), dependsOn: [key('original')], seconds: 3 },
      { key: key('predict'), dependsOn: [key('unlearn')], seconds: 1 },
      { key: key('evaluate'), dependsOn: [key('predict'), key('gold')], seconds: 2 },
    ]
    expect(Object.fromEntries(ranksOf(stages))).toEqual({ original: 16, gold: 11, unlearn: 6, predict: 3, evaluate: 2 })
  })
})

describe('job progress', () => {
  it('stays where it was when the job is cancelled', () => {
    const progress = new JobProgress(1)
    progress.add([stage('a', 4), stage('b', 6)])
    progress.end(key('a'), 4)
    progress.freeze()
    progress.giveUp(key('b'))
    expect(progress.value()).toBeCloseTo(0.4)
  })

  it('has less to do without what was given up, and no 100 %', () => {
    const progress = new JobProgress(1)
    progress.add([stage('a', 4), stage('b', 4), stage('c', 2)])
    progress.end(key('a'), 4)
    progress.giveUp(key('c'))
    expect(progress.value()).toBeCloseTo(0.5)
    progress.end(key('b'), 4)
    expect(progress.value()).toBeLessThan(1)
  })

  it('counts a stage that was put off as waiting', () => {
    const progress = new JobProgress(1)
    progress.add([stage('a', 4), stage('b', 4)])
    progress.start(key('a'), 0)
    expect(progress.counts()).toEqual({ running: 1, waiting: 1 })
    progress.putOff(key('a'))
    expect(progress.counts()).toEqual({ running: 0, waiting: 2 })
  })

  it('weighs stages by their seconds', () => {
    const progress = new JobProgress(1)
    progress.add([stage('long', 9), stage('short', 1)])
    expect(progress.value()).toBe(0)
    progress.end(key('short'), 1)
    expect(progress.value()).toBeCloseTo(0.1)
    progress.update(key('long'), 0.5, 0)
    expect(progress.value()).toBeCloseTo(0.55)
    progress.end(key('long'), 9)
    expect(progress.value()).toBe(1)
  })

  it('never goes back, whatever is told or added', () => {
    const progress = new JobProgress(1)
    progress.add([stage('a', 10)])
    progress.update(key('a'), 0.8, 0)
    expect(progress.value()).toBeCloseTo(0.8)
    progress.update(key('a'), 0.3, 0)
    expect(progress.value()).toBeCloseTo(0.8)
    progress.add([stage('b', 90)])
    expect(progress.value()).toBeCloseTo(0.8)
  })

  it('is not done before every stage is', () => {
    const progress = new JobProgress(1)
    progress.add([stage('a', 10)])
    progress.update(key('a'), 1, 0)
    expect(progress.value()).toBeLessThan(1)
  })

  it('is bound by the workers, or by the longest chain', () => {
    const wide = new JobProgress(2)
    wide.add([stage('a', 10), stage('b', 10), stage('c', 10), stage('d', 10)])
    expect(wide.etaSeconds(0)).toBe(20)
    const deep = new JobProgress(2)
    deep.add([stage('a', 10, 20), stage('b', 10, 10)])
    expect(deep.etaSeconds(0)).toBe(20)
  })

  it('corrects what is left by how long stages really took', () => {
    const progress = new JobProgress(1)
    progress.add([stage('a', 10), stage('b', 10)])
    progress.start(key('a'), 0)
    progress.end(key('a'), 30)
    expect(progress.etaSeconds(30_000)).toBeCloseTo(30)
  })

  it('counts stages that were given up as done, and learns nothing from them', () => {
    const progress = new JobProgress(1)
    progress.add([stage('a', 10), stage('b', 10)])
    progress.end(key('a'), null)
    expect(progress.value()).toBeCloseTo(0.5)
    expect(progress.etaSeconds(0)).toBe(10)
  })

  it('tells the rest of a running stage by its own pace, once it has one', () => {
    const progress = new JobProgress(1)
    progress.add([stage('a', 10)])
    expect(progress.stageEtaSeconds(key('a'), 0)).toBeNull()
    progress.start(key('a'), 1000)
    expect(progress.stageEtaSeconds(key('a'), 2000)).toBeCloseTo(9)
    progress.update(key('a'), 0, 2000)
    progress.update(key('a'), 0.25, 7000)
    expect(progress.stageEtaSeconds(key('a'), 7000)).toBeCloseTo(15)
  })

  it('is not misled by a stage that begins in the middle, where it was interrupted', () => {
    const progress = new JobProgress(1)
    progress.add([stage('a', 10)])
    progress.start(key('a'), 0)
    progress.update(key('a'), 0.5, 100)
    expect(progress.etaSeconds(100)).toBeCloseTo(5)
    // Then it takes 4 s for 0.2: twice as long as estimated.
    progress.update(key('a'), 0.7, 4100)
    expect(progress.etaSeconds(4100)).toBeCloseTo(6)
    expect(progress.stageEtaSeconds(key('a'), 4100)).toBeCloseTo(6)
  })
})
