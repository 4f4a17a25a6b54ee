/**
 * Gradients of the stock operations that losses are written with. tfjs-core keeps its own in files that Node cannot load
 * (ES modules in a package that says CommonJS), and bundles them only with the union package; these few are all that is
 * needed here. Anything else under `tf.grad` fails with "gradient function not found for …": add it to this list.
 */
import {
  Abs,
  Add,
  AddN,
  add,
  BatchMatMul,
  broadcast_util,
  Cast,
  ClipByValue,
  Concat,
  cast,
  concat,
  div,
  Equal,
  Exp,
  ExpandDims,
  equal,
  GatherV2,
  type GradConfig,
  Greater,
  GreaterEqual,
  greater,
  greaterEqual,
  Identity,
  LeakyRelu,
  Less,
  LessEqual,
  Log,
  Log1p,
  less,
  lessEqual,
  log,
  logicalAnd,
  logicalNot,
  Max,
  Maximum,
  MaxPool,
  MaxPoolGrad,
  Mean,
  Min,
  Minimum,
  Multiply,
  matMul,
  mul,
  Neg,
  NotEqual,
  neg,
  oneHot,
  onesLike,
  Pack,
  PadV2,
  Pow,
  pad,
  pow,
  RealDiv,
  Reciprocal,
  Relu,
  Reshape,
  Rsqrt,
  reshape,
  Select,
  Sigmoid,
  Sign,
  Slice,
  Softmax,
  Softplus,
  SplitV,
  Sqrt,
  Square,
  SquaredDifference,
  Step,
  Sub,
  Sum,
  sigmoid,
  sign,
  slice,
  slice_util,
  split,
  sqrt,
  square,
  stack,
  sub,
  sum,
  Tanh,
  type Tensor,
  type Tensor1D,
  Tile,
  Transpose,
  transpose,
  Unpack,
  unstack,
  util,
  where,
  zerosLike,
} from '@tensorflow/tfjs-core'
import { kernelNames } from './names.ts'
import { runKernel } from './run-kernel.ts'

/** Sums a gradient over the axes along which an operand of this shape was repeated. */
function reduceTo(gradient: Tensor, shape: number[]): Tensor {
  const axes = broadcast_util.getReductionAxes(shape, gradient.shape)
  return reshape(axes.length > 0 ? sum(gradient, axes) : gradient, shape)
}

/** Undoes a reduction: repeats dy along the reduced axes of x. */
function repeatLike(dy: Tensor, x: Tensor, axis: number | number[] | undefined): Tensor {
  const axes = util.parseAxisParam(axis ?? x.shape.map((_, i) => i), x.shape)
  const kept = x.shape.map((size, i) => (axes.includes(i) ? 1 : size))
  return mul(reshape(dy, kept), onesLike(x))
}

/** Gradient of a reduction to the largest or smallest value: equal ones share it. */
function toExtremes(dy: Tensor, x: Tensor, y: Tensor, axis: number | number[] | undefined): Tensor {
  const hits = cast(equal(x, repeatLike(y, x, axis)), 'float32')
  const axes = util.parseAxisParam(axis ?? x.shape.map((_, i) => i), x.shape)
  return mul(repeatLike(dy, x, axis), div(hits, sum(hits, axes, true)))
}

/** Adjoint of gathering along an axis: a product with the choice as a matrix, since not every engine can add by index. */
function scatterAdd(dy: Tensor, indices: Tensor, shape: number[], axis: number): Tensor {
  const count = shape[axis]
  const choice = cast(oneHot(reshape(cast(indices, 'int32'), [-1]) as Tensor1D, count), 'float32')
  const outer = util.sizeFromShape(shape.slice(0, axis))
  const inner = util.sizeFromShape(shape.slice(axis + 1))
  const flat = reshape(transpose(reshape(dy, [outer, indices.size, inner]), [1, 0, 2]), [indices.size, -1])
  const sums = matMul(choice, flat, true, false)
  return reshape(transpose(reshape(sums, [count, outer, inner]), [1, 0, 2]), shape)
}

type Rule = (dy: Tensor, saved: Tensor[], attributes: Record<string, never>) => Record<string, () => Tensor>
type Saved = Partial<Pick<GradConfig, 'inputsToSave' | 'outputsToSave' | 'saveAllInputs'>>

function gradient(kernelName: string, saved: Saved, rule: Rule): GradConfig {
  return {
    kernelName,
    ...saved,
    gradFunc: (dy, tensors, attributes) => rule(dy as Tensor, tensors, attributes as Record<string, never>),
  }
}

const ofX: Saved = { inputsToSave: ['x'] }
const ofOutput: Saved = { outputsToSave: [true] }
const ofBoth: Saved = { inputsToSave: ['a', 'b'] }

/** Comparisons are constant between their jumps, so that a choice by one can stand under a gradient. */
const constants: readonly GradConfig[] = [
  ...[Equal, Greater, GreaterEqual, Less, LessEqual, NotEqual].map((name) =>
    gradient(name, ofBoth, (_, [a, b]) => ({ a: () => zerosLike(a), b: () => zerosLike(b) })),
  ),
  ...[Sign, Step].map((name) => gradient(name, ofX, (_, [x]) => ({ x: () => zerosLike(x) }))),
]

export const stockGradients: readonly GradConfig[] = [
  ...constants,
  gradient(Add, ofBoth, (dy, [a, b]) => ({ a: () => reduceTo(dy, a.shape), b: () => reduceTo(dy, b.shape) })),
  gradient(Sub, ofBoth, (dy, [a, b]) => ({ a: () => reduceTo(dy, a.shape), b: () => reduceTo(neg(dy), b.shape) })),
  gradient(Multiply, ofBoth, (dy, [a, b]) => ({
    a: () => reduceTo(mul(dy, b), a.shape),
    b: () => reduceTo(mul(dy, a), b.shape),
  })),
  gradient(RealDiv, ofBoth, (dy, [a, b]) => ({
    a: () => reduceTo(div(dy, b), a.shape),
    b: () => reduceTo(neg(div(mul(dy, a), square(b))), b.shape),
  })),
  gradient(SquaredDifference, ofBoth, (dy, [a, b]) => ({
    a: () => reduceTo(mul(dy, mul(2, sub(a, b))), a.shape),
    b: () => reduceTo(mul(dy, mul(2, sub(b, a))), b.shape),
  })),
  gradient(Maximum, ofBoth, (dy, [a, b]) => ({
    a: () => reduceTo(mul(dy, cast(greaterEqual(a, b), 'float32')), a.shape),
    b: () => reduceTo(mul(dy, cast(less(a, b), 'float32')), b.shape),
  })),
  gradient(Minimum, ofBoth, (dy, [a, b]) => ({
    a: () => reduceTo(mul(dy, cast(lessEqual(a, b), 'float32')), a.shape),
    b: () => reduceTo(mul(dy, cast(greater(a, b), 'float32')), b.shape),
  })),
  gradient(AddN, { saveAllInputs: true }, (dy, inputs) =>
    Object.fromEntries(inputs.map((_, i) => [String(i), () => dy.clone()])),
  ),
  gradient(Neg, {}, (dy) => ({ x: () => neg(dy) })),
  gradient(Abs, ofX, (dy, [x]) => ({ x: () => mul(dy, sign(x)) })),
  gradient(Square, ofX, (dy, [x]) => ({ x: () => mul(dy, mul(2, x)) })),
  gradient(Sqrt, ofX, (dy, [x]) => ({ x: () => div(dy, mul(2, sqrt(x))) })),
  gradient(Exp, ofOutput, (dy, [y]) => ({ x: () => mul(dy, y) })),
  gradient(Log, ofX, (dy, [x]) => ({ x: () => div(dy, x) })),
  gradient(Sigmoid, ofOutput, (dy, [y]) => ({ x: () => mul(dy, mul(y, sub(1, y))) })),
  gradient(Tanh, ofOutput, (dy, [y]) => ({ x: () => mul(dy, sub(1, square(y))) })),
  gradient(Relu, ofOutput, (dy, [y]) => ({ x: () => runKernel(kernelNames.reluGradient, { dy, y }) })),
  gradient(ClipByValue, ofX, (dy, [x], { clipValueMin, clipValueMax }) => ({
    x: () => where(logicalAnd(greaterEqual(x, clipValueMin), lessEqual(x, clipValueMax)), dy, zerosLike(dy)),
  })),
  gradient(Softmax, ofOutput, (dy, [y], { dim }) => ({
    logits: () => mul(y, sub(dy, sum(mul(dy, y), dim, true))),
  })),
  gradient(Sum, ofX, (dy, [x], { axis }) => ({ x: () => repeatLike(dy, x, axis) })),
  gradient(Mean, ofX, (dy, [x], { axis }) => ({
    x: () => mul(repeatLike(dy, x, axis), dy.size / x.size),
  })),
  gradient(Reshape, ofX, (dy, [x]) => ({ x: () => reshape(dy, x.shape) })),
  gradient(ExpandDims, { inputsToSave: ['input'] }, (dy, [input]) => ({ input: () => reshape(dy, input.shape) })),
  gradient(Transpose, {}, (dy, _, { perm }) => {
    const permutation: number[] = perm
    return {
      x: () =>
        transpose(
          dy,
          permutation.map((_, axis) => permutation.indexOf(axis)),
        ),
    }
  }),
  gradient(Cast, {}, (dy) => ({ x: () => cast(dy, 'float32') })),
  gradient(Identity, {}, (dy) => ({ x: () => cast(dy, 'float32') })),
  gradient(BatchMatMul, ofBoth, (dy, [a, b], { transposeA, transposeB }) => ({
    a: () => (transposeA ? matMul(b, dy, transposeB, true) : matMul(dy, b, false, !transposeB)),
    b: () => (transposeB ? matMul(dy, a, true, transposeA) : matMul(a, dy, !transposeA, false)),
  })),
  gradient(Pow, { inputsToSave: ['a', 'b'], outputsToSave: [true] }, (dy, [a, b, y]) => ({
    a: () => reduceTo(mul(dy, mul(b, pow(a, sub(b, 1)))), a.shape),
    // a^b is defined for a <= 0 only at whole b, where it has no slope in b.
    b: () =>
      reduceTo(mul(dy, where(greater(a, 0), mul(y, log(where(greater(a, 0), a, onesLike(a)))), zerosLike(y))), b.shape),
  })),
  gradient(Rsqrt, ofX, (dy, [x]) => ({ x: () => neg(div(dy, mul(2, mul(x, sqrt(x))))) })),
  gradient(Reciprocal, ofX, (dy, [x]) => ({ x: () => neg(div(dy, square(x))) })),
  gradient(Log1p, ofX, (dy, [x]) => ({ x: () => div(dy, add(x, 1)) })),
  gradient(Softplus, ofX, (dy, [x]) => ({ x: () => mul(dy, sigmoid(x)) })),
  gradient(LeakyRelu, ofX, (dy, [x], { alpha }) => ({ x: () => where(greater(x, 0), dy, mul(dy, alpha)) })),
  gradient(Select, { inputsToSave: ['condition'] }, (dy, [condition]) => ({
    condition: () => zerosLike(cast(condition, 'float32')),
    t: () => mul(dy, cast(condition, 'float32')),
    e: () => mul(dy, cast(logicalNot(condition), 'float32')),
  })),
  gradient(Max, { inputsToSave: ['x'], outputsToSave: [true] }, (dy, [x, y], { reductionIndices }) => ({
    x: () => toExtremes(dy, x, y, reductionIndices),
  })),
  gradient(Min, { inputsToSave: ['x'], outputsToSave: [true] }, (dy, [x, y], { axis }) => ({
    x: () => toExtremes(dy, x, y, axis),
  })),
  gradient(GatherV2, { inputsToSave: ['x', 'indices'] }, (dy, [x, indices], { axis }) => ({
    x: () => scatterAdd(dy, indices, x.shape, util.parseAxisParam(axis, x.shape)[0]),
    indices: () => zerosLike(cast(indices, 'float32')),
  })),
  gradient(Slice, ofX, (dy, [x], { begin, size }) => {
    const [start, lengths] = slice_util.parseSliceParams(x, begin, size)
    const around = x.shape.map((length, axis): [number, number] => [start[axis], length - start[axis] - lengths[axis]])
    return { x: () => pad(dy, around) }
  }),
  gradient(PadV2, ofX, (dy, [x], { paddings }) => ({
    x: () =>
      slice(
        dy,
        (paddings as [number, number][]).map(([before]) => before),
        x.shape,
      ),
  })),
  gradient(Concat, { saveAllInputs: true }, (dy, inputs, { axis }) => {
    const along = util.parseAxisParam(axis, inputs[0].shape)[0]
    const parts = split(
      dy,
      inputs.map(({ shape }) => shape[along]),
      along,
    )
    return Object.fromEntries(parts.map((part, i) => [String(i), () => part]))
  }),
  gradient(SplitV, {}, (dys, _, { axis }) => ({ x: () => concat(dys as unknown as Tensor[], axis) })),
  gradient(Pack, { saveAllInputs: true }, (dy, _, { axis }) =>
    Object.fromEntries(unstack(dy, axis).map((part, i) => [String(i), () => part])),
  ),
  gradient(Unpack, {}, (dys, _, { axis }) => ({ value: () => stack(dys as unknown as Tensor[], axis) })),
  gradient(Tile, ofX, (dy, [x], { reps }) => {
    // Each axis as [repetition, place].
    const shape = x.shape.flatMap((size, axis) => [(reps as number[])[axis], size])
    return {
      x: () =>
        reshape(
          sum(
            reshape(dy, shape),
            x.shape.map((_, axis) => 2 * axis),
          ),
          x.shape,
        ),
    }
  }),
  gradient(MaxPool, { inputsToSave: ['x'], outputsToSave: [true] }, (dy, [x, y], { filterSize, strides, pad }) => ({
    x: () => runKernel(MaxPoolGrad, { dy, input: x, output: y }, { filterSize, strides, pad }),
  })),
]
