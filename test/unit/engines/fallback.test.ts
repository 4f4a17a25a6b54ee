import * as tf from '@tensorflow/tfjs-core'
import { afterEach, describe, expect, test } from 'vitest'
import { loadEngine, selfTest } from '#main/compute/worker/engines/engine.ts'
import type { NativeBackend, OpAttribute } from '#main/compute/worker/engines/kernels/native/backend.ts'
import { registerNativeKernels } from '#main/compute/worker/engines/kernels/native/register.ts'
import { conv2d } from '#main/compute/worker/engines/ops.ts'
import type { EngineId } from '#shared/domain/engine.ts'
import { nativeMissing, nativeTitle } from '#test/support/native-engine.ts'
import { promptMs } from '#test/support/prompt.ts'
import { normals, onEngine, read, relativeError, type Values } from './tensors.ts'

const native = async (): Promise<NativeBackend> => {
  await loadEngine('native')
  return tf.findBackend('tensorflow') as NativeBackend
}

/** The backend with another way to run operations of one output. */
function backendThat(
  backend: NativeBackend,
  run: (name: string, execute: () => tf.Tensor) => tf.Tensor,
): NativeBackend {
  return Object.assign(Object.create(backend) as NativeBackend, {
    executeSingleOutput: (name: string, attributes: readonly OpAttribute[], inputs: readonly tf.TensorInfo[]) =>
      run(name, () => backend.executeSingleOutput(name, attributes, inputs)),
  })
}

function filterGradient(id: EngineId): Promise<Values> {
  return onEngine(id, () => {
    const x = tf.tensor4d(normals(1, 2, 8, 8, 3), [2, 8, 8, 3])
    const gradient = tf.grad((filter) =>
      conv2d(x, filter as tf.Tensor4D, tf.zeros([5]), { strides: 1, pad: 'same', relu: false }),
    )
    return read(gradient(tf.tensor4d(normals(2, 3, 3, 3, 5), [3, 3, 3, 5])))
  })
}

describe.skipIf(nativeMissing !== null)(nativeTitle('a kernel that does not work on this machine'), () => {
  afterEach(async () => {
    registerNativeKernels(await native())
  })

  const broken = '_MklNativeConv2DBackpropFilter'
  test.each([
    [
      'fails',
      (name: string, execute: () => tf.Tensor): tf.Tensor => {
        if (name === broken) throw new Error(`No kernel ${name}.`)
        return execute()
      },
    ],
    [
      'is wrong',
      (name: string, execute: () => tf.Tensor): tf.Tensor => (name === broken ? tf.mul(execute(), 1.01) : execute()),
    ],
    [
      'gives no numbers',
      (name: string, execute: () => tf.Tensor): tf.Tensor =>
        name === broken ? tf.div(execute(), tf.scalar(0)) : execute(),
    ],
  ])('and %s is replaced by the plain one, and named', async (_, run) => {
    const backend = await native()
    const before = tf.memory().numTensors
    expect(registerNativeKernels(backendThat(backend, run))).toMatch(/\(plain: TmuConvDW\)$/)
    expect(tf.memory().numTensors).toBe(before)
    expect(relativeError(await filterGradient('native'), await filterGradient('cpu'))).toBeLessThan(1e-5)
  })

  test('is replaced where the binding is an older one, without functions of ours', async () => {
    const backend = await native()
    const binding = Object.create(backend.binding, { runOwnKernel: { value: undefined } }) as NativeBackend['binding']
    const older = Object.assign(Object.create(backend) as NativeBackend, { binding })
    const ours = [
      'Adam',
      'Sgd',
      'SquaredNorm',
      'BiasRelu',
      'ReluBiasGrad',
      'PoolBiasRelu',
      'PoolBiasReluGrad',
      'ConvPool',
      'ConvPoolGrad',
    ]
    const before = tf.memory().numTensors
    expect(registerNativeKernels(older)).toMatch(`(plain: ${ours.map((name) => `Tmu${name}`).join(', ')})`)
    expect(tf.memory().numTensors).toBe(before)
    // What is composed of other kernels then.
    expect(tf.getKernel('TmuConvPool', 'tensorflow')).toBeUndefined()
    expect(await selfTest(await loadEngine('native'))).toBeLessThan(promptMs / 1000)
  })
})
