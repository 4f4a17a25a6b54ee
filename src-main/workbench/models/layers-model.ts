/**
 * A network as a TensorFlow.js layers model: what `tf.loadLayersModel` reads (model.json and one file of weights). Layers
 * and weights keep their names. Every architecture is a functional model, so that residual ones need nothing of their own.
 */
import type { DataParams } from '#main/compute/stages.ts'
import { epsilon } from '#main/compute/worker/models/batch-norm-constants.ts'
import type { LayerSpec } from '#main/compute/worker/models/layer-specs.ts'
import { type ShapedLayer, shapedLayers } from '#main/compute/worker/models/shapes.ts'

type Json = Readonly<Record<string, unknown>>

interface KerasLayer {
  readonly kind: string
  readonly config: Json
}

const imageName = 'image'

/** `weightsFile`: name of the file beside it, which holds the weights as they are listed, float32, little-endian. */
export function layersModel(
  architecture: string,
  data: Pick<DataParams, 'height' | 'width' | 'channels' | 'classCount'>,
  options: { readonly weightsFile: string; readonly generatedBy: string; readonly about: Json },
): { readonly json: Json; readonly weights: readonly string[] } {
  const layers = shapedLayers(architecture, data)
  /** The Keras layer that gives what a layer here gives. */
  const outputs = new Map<string | null, string>([[null, imageName]])
  const nodes: Json[] = [
    {
      class_name: 'InputLayer',
      name: imageName,
      config: {
        name: imageName,
        batch_input_shape: [null, data.height, data.width, data.channels],
        dtype: 'float32',
        sparse: false,
      },
      inbound_nodes: [],
    },
  ]
  const add = (name: string, { kind, config }: KerasLayer, from: readonly string[]): void => {
    const inbound = from.map((input) => [input, 0, 0, {}])
    nodes.push({ class_name: kind, name, config: { name, trainable: true, ...config }, inbound_nodes: [inbound] })
  }
  for (const { spec, inputs } of layers) {
    add(
      spec.name,
      kerasLayer(spec),
      inputs.map((input) => outputs.get(input) ?? imageName),
    )
    outputs.set(spec.name, spec.name)
    if (!hasReluBehind(spec)) continue
    const rectified = `${spec.name}.relu`
    add(rectified, { kind: 'Activation', config: { activation: 'relu' } }, [spec.name])
    outputs.set(spec.name, rectified)
  }
  const last = layers[layers.length - 1].spec.name
  const variables = layers.flatMap((layer: ShapedLayer) => layer.variables)
  return {
    weights: variables.map(({ name }) => name),
    json: {
      format: 'layers-model',
      generatedBy: options.generatedBy,
      convertedBy: null,
      modelTopology: {
        class_name: 'Model',
        keras_version: '2.13.0',
        backend: 'tensorflow',
        config: {
          name: architecture,
          layers: nodes,
          input_layers: [[imageName, 0, 0]],
          output_layers: [[last, 0, 0]],
        },
      },
      weightsManifest: [
        {
          paths: [options.weightsFile],
          weights: variables.map(({ name, shape }) => ({ name, shape, dtype: 'float32' })),
        },
      ],
      userDefinedMetadata: options.about,
    },
  }
}

/** Keras applies ReLU within convolutions and dense layers, and as a layer of its own elsewhere. */
function hasReluBehind(spec: LayerSpec): boolean {
  return spec.kind === 'add-relu' || (spec.kind === 'batch-norm' && spec.relu)
}

function kerasLayer(spec: LayerSpec): KerasLayer {
  const channelsLast = { data_format: 'channels_last' }
  switch (spec.kind) {
    case 'conv':
      return {
        kind: 'Conv2D',
        config: {
          filters: spec.filters,
          kernel_size: [spec.kernel, spec.kernel],
          strides: [spec.stride, spec.stride],
          padding: 'same',
          dilation_rate: [1, 1],
          activation: spec.relu ? 'relu' : 'linear',
          use_bias: spec.bias,
          ...channelsLast,
        },
      }
    case 'batch-norm':
      return { kind: 'BatchNormalization', config: { axis: -1, momentum: 0.9, epsilon, center: true, scale: true } }
    case 'max-pool':
      return {
        kind: 'MaxPooling2D',
        config: {
          pool_size: [spec.size, spec.size],
          strides: [spec.stride, spec.stride],
          padding: 'valid',
          ...channelsLast,
        },
      }
    case 'average-pool':
      return { kind: 'GlobalAveragePooling2D', config: channelsLast }
    case 'add-relu':
      return { kind: 'Add', config: {} }
    case 'flatten':
      return { kind: 'Flatten', config: channelsLast }
    case 'dense':
      return {
        kind: 'Dense',
        config: { units: spec.units, activation: spec.relu ? 'relu' : 'linear', use_bias: true },
      }
  }
}
