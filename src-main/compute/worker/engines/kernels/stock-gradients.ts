/**
 * Gradients of the stock operations that losses are written with. tfjs-core keeps its own in files that Node cannot load
 * (ES modules in a package that says CommonJS), and bundles them only with the union package; these few are all that is
 * needed here. Anything else under `tf.grad` fails with "gradient function not found for …": add it to this list.
 */
import {
  Abs,
  Add,
  AddN,
  BatchMatMul,
  broadcast_util,
  Cast,
  ClipByValue,
  cast,
  div,
  Exp,
  ExpandDims,
  type GradConfig,
  greater,
  greaterEqual,
  Identity,
  Log,
  less,
  lessEqual,
  logicalAnd,
  Maximum,
  MaxPool,
  MaxPoolGrad,
  Mean,
  Minimum,
  Multiply,
  matMul,
  mul,
  Neg,
  neg,
  onesLike,
  RealDiv,
  Relu,
  Reshape,
  reshape,
  Sigmoid,
  Softmax,
  Sqrt,
  Square,
  SquaredDifference,
  Sub,
  Sum,
  sign,
  sqrt,
  square,
  sub,
  sum,
  Tanh,
  type Tensor,
  Transpose,
  transpose,
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

export const stockGradients: readonly GradConfig[] = [
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
  gradient(MaxPool, { inputsToSave: ['x'], outputsToSave: [true] }, (dy, [x, y], { filterSize, strides, pad }) => ({
    x: () => runKernel(MaxPoolGrad, { dy, input: x, output: y }, { filterSize, strides, pad }),
  })),
]
