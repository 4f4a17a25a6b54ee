import { describe, expect, it } from 'vitest'
import { toTsv } from '../../../src-renderer/lib/csv.ts'

describe('a table for the clipboard', () => {
  it('has the headings that are read, a cell between two tabs, and no cell that breaks the line', () => {
    const columns = [
      { id: 'name', label: 'Name' },
      { id: 'gap', label: 'Gap' },
    ]
    const rows = [
      ['two\twords\r\nand a line', -0.0312345678],
      ['none', null],
    ]
    expect(toTsv({ columns, rows })).toBe('Name\tGap\ntwo words and a line\t-0.0312345678\nnone\t')
  })
})
