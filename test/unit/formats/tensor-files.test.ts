import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import type { Tensor } from '#main/formats/tensor.ts'
import { readTensorFile } from '#main/formats/tensor-file.ts'

const fixture = (name: string): string => join(import.meta.dirname, 'fixtures', name)

function tensor(tensors: ReadonlyMap<string, Tensor>, name: string): Tensor {
  const found = tensors.get(name)
  if (found === undefined) throw new Error(`no ${name}`)
  return found
}

describe.each(['stored.npz', 'deflated.npz'])('an archive that numpy wrote (%s)', (file) => {
  it('has all its arrays, in the order written', async () => {
    const tensors = await readTensorFile(fixture(file))
    expect([...tensors.keys()].slice(0, 3)).toEqual(['half', 'single', 'double-big-endian'])
    expect(tensors.size).toBe(15)
  })

  it('has its values, types and shapes', async () => {
    const tensors = await readTensorFile(fixture(file))
    const half = new Float32Array([0, -0, 1, -2.5, 65504, 2 ** -24, 2 ** -14, Number.POSITIVE_INFINITY])
    expect(tensor(tensors, 'half')).toEqual({ dtype: 'F16', shape: [8], data: half })
    expect(Object.is(tensor(tensors, 'half').data[1], -0)).toBe(true)
    const single = new Float32Array([0, 0.25, 0.5, 0.75, 1, 1.25])
    expect(tensor(tensors, 'single')).toEqual({ dtype: 'F32', shape: [2, 3], data: single })
    const double = new Float64Array([0, 0.125, 0.25, 0.375, 0.5, 0.625])
    expect(tensor(tensors, 'double-big-endian')).toEqual({ dtype: 'F64', shape: [2, 3], data: double })
    expect(tensor(tensors, 'labels/forget').data).toEqual(new BigInt64Array([3n, -1n, 2n ** 40n]))
    expect(tensor(tensors, 'short-big-endian').data).toEqual(new Int16Array([1, -2, 300]))
    expect(tensor(tensors, 'unsigned').data).toEqual(new BigUint64Array([0n, 2n ** 64n - 1n]))
    expect(tensor(tensors, 'flags')).toEqual({ dtype: 'BOOL', shape: [3], data: new Uint8Array([1, 0, 1]) })
    expect(tensor(tensors, 'bytes')).toEqual({ dtype: 'U8', shape: [3], data: new Uint8Array([0, 128, 255]) })
    expect(tensor(tensors, 'scalar')).toEqual({ dtype: 'F64', shape: [], data: new Float64Array([7.5]) })
    expect(tensor(tensors, 'empty')).toEqual({ dtype: 'F32', shape: [0, 4], data: new Float32Array(0) })
  })

  it('has Fortran-ordered arrays turned into row-major ones', async () => {
    const tensors = await readTensorFile(fixture(file))
    const rows = new Int32Array([0, 1, 2, 3, 4, 5])
    expect(tensor(tensors, 'fortran')).toEqual({ dtype: 'I32', shape: [2, 3], data: rows })
    const cube = Int16Array.from({ length: 24 }, (_, i) => i)
    expect(tensor(tensors, 'fortran-cube')).toEqual({ dtype: 'I16', shape: [2, 3, 4], data: cube })
  })

  it('has texts of both kinds as strings', async () => {
    const tensors = await readTensorFile(fixture(file))
    expect(tensor(tensors, 'ids/forget')).toEqual({ dtype: 'STRING', shape: [3], data: ['a', 'äö', '😀x'] })
    expect(tensor(tensors, 'ids-big-endian').data).toEqual(['ab', 'c'])
    expect(tensor(tensors, 'ascii').data).toEqual(['one', '', 'three'])
  })
})

describe('a file that the safetensors library wrote', () => {
  it('has its values, types and shapes', async () => {
    const tensors = await readTensorFile(fixture('numpy.safetensors'))
    expect(tensor(tensors, 'labels/forget')).toEqual({ dtype: 'I64', shape: [2], data: new BigInt64Array([1n, 0n]) })
    const logits = new Float32Array([0.5, -1.5, 2, 0.25])
    expect(tensor(tensors, 'unlearned/forget/logits')).toEqual({ dtype: 'F32', shape: [2, 2], data: logits })
    expect(tensor(tensors, 'half')).toEqual({ dtype: 'F16', shape: [2], data: new Float32Array([1.5, -0.125]) })
    expect(tensor(tensors, 'flags').data).toEqual(new Uint8Array([1, 0, 1]))
    expect(tensor(tensors, 'empty').shape).toEqual([0, 2])
  })
})

describe('what is refused, in a sentence with the culprit', () => {
  it.each([
    ['objects.npz', /array "bad" .* object array: it holds a Python pickle/],
    ['structured.npz', /array "bad" .* structured type/],
    ['complex.npz', /array "bad" .* type "<c8", which is not read/],
    ['single.npy', /single\.npy" is a single array without a name/],
    ['make-fixtures.py', /neither a safetensors nor an npz file/],
    ['absent.npz', /absent\.npz" does not exist/],
    ['.', /is not a file/],
  ])('%s', async (name, sentence) => {
    await expect(readTensorFile(fixture(name))).rejects.toMatchObject({
      code: 'bad-input',
      message: expect.stringMatching(sentence),
    })
  })
})
