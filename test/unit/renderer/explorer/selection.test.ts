import { describe, expect, it } from 'vitest'
import {
  decodeSelection,
  emptySelection,
  encodeSelection,
  extendTo,
  invertWithin,
  modeOfKeys,
  selectedIds,
  selectMany,
  selectOnly,
  toggle,
} from '../../../../src-renderer/lib/explorer/selection.ts'
import { beginHistory, redo, step, undo } from '../../../../src-renderer/lib/history.ts'

const order = Int32Array.of(4, 2, 0, 6, 8, 1, 3)
const none = emptySelection(10)
const ids = (selection: Parameters<typeof selectedIds>[0]): readonly number[] => [...selectedIds(selection)]

describe('a selection', () => {
  it('is one after a plain click, and goes with the next', () => {
    expect(ids(selectOnly(selectOnly(none, 3), 6))).toEqual([6])
  })

  it('takes one in or out with Ctrl', () => {
    const two = toggle(selectOnly(none, 3), 6)
    expect(ids(two)).toEqual([3, 6])
    expect(ids(toggle(two, 3))).toEqual([6])
    expect(toggle(two, 3).count).toBe(1)
  })

  it('reaches from the anchor in the order shown with Shift, either way, again and again', () => {
    const begun = selectOnly(none, 0)
    expect(ids(extendTo(begun, 8, order))).toEqual([0, 6, 8])
    expect(ids(extendTo(extendTo(begun, 8, order), 4, order))).toEqual([0, 2, 4])
    expect(ids(extendTo(toggle(selectOnly(none, 9), 0), 6, order, true))).toEqual([0, 6, 9])
  })

  it('begins where one is when nothing was chosen, and ignores what the filter hides', () => {
    expect(ids(extendTo(none, 6, order))).toEqual([6])
    expect(extendTo(selectOnly(none, 0), 9, order)).toEqual(selectOnly(none, 0))
  })

  it('takes many, in four ways', () => {
    const some = selectMany(none, [1, 2, 3], 'replace')
    expect(ids(selectMany(some, [3, 4], 'replace'))).toEqual([3, 4])
    expect(ids(selectMany(some, [3, 4], 'add'))).toEqual([1, 2, 3, 4])
    expect(ids(selectMany(some, [3, 4], 'remove'))).toEqual([1, 2])
    expect(ids(selectMany(some, [3, 4], 'keep'))).toEqual([3])
    expect(ids(invertWithin(some, order))).toEqual([0, 4, 6, 8])
  })

  it('is never changed by what is made of it', () => {
    const some = selectMany(none, [1, 2, 3], 'replace')
    toggle(some, 1)
    selectMany(some, [5], 'add')
    expect(ids(some)).toEqual([1, 2, 3])
  })

  it('survives as text, and rubbish is no selection', () => {
    const some = selectMany(none, [1, 2, 3, 7], 'replace')
    expect(encodeSelection(some)).toBe('1-3,7')
    expect(ids(decodeSelection('1-3,7', 10))).toEqual([1, 2, 3, 7])
    expect(decodeSelection('1-30', 10).count).toBe(0)
  })

  it('joins a lasso by the keys held', () => {
    const keys = { shiftKey: false, ctrlKey: false, metaKey: false, altKey: false }
    expect(modeOfKeys(keys)).toBe('replace')
    expect(modeOfKeys({ ...keys, shiftKey: true })).toBe('add')
    expect(modeOfKeys({ ...keys, altKey: true })).toBe('remove')
    expect(modeOfKeys({ ...keys, altKey: true, shiftKey: true })).toBe('keep')
  })
})

describe('a history', () => {
  it('goes back and forth, and a new step forgets what was undone', () => {
    const three = step(step(beginHistory('a'), 'b'), 'c')
    expect(undo(three).present).toBe('b')
    expect(undo(undo(undo(three))).present).toBe('a')
    expect(redo(undo(three)).present).toBe('c')
    const other = step(undo(three), 'd')
    expect(redo(other).present).toBe('d')
    expect(undo(other).present).toBe('b')
  })
})
