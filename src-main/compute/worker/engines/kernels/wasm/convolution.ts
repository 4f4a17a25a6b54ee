import { backend_util, type KernelFunc, MaxPoolGrad, type NamedAttrMap, type TensorInfo } from '@tensorflow/tfjs-core'
import {
  type ConvAttributes,
  type ConvFilterAttributes,
  type ConvInputAttributes,
  kernelNames,
  type Padding,
  type Shape4D,
} from '../names.ts'
import { pack, packBias, type WasmTools } from './matrix.ts'

/** Patches are made and used in blocks of about this many floats, which stay in a processor's second-level cache. */
const blockFloats = 24 * 1024

type Geometry = backend_util.Conv2DInfo

function geometryOf(
  inputShape: readonly number[],
  filterShape: readonly number[],
  { strides, pad }: { readonly strides: [number, number]; readonly pad: Padding },
): Geometry {
  return backend_util.computeConv2DInfo(inputShape as Shape4D, filterShape as Shape4D, strides, 1, pad)
}

/** Output pixels are patches already: 1 x 1, stride 1. */
function isPointwise({ filterHeight, filterWidth, strideHeight, strideWidth }: Geometry): boolean {
  return filterHeight === 1 && filterWidth === 1 && strideHeight === 1 && strideWidth === 1
}

const pixelsOf = ({ batchSize, outHeight, outWidth }: Geometry): number => batchSize * outHeight * outWidth
const depthOf = ({ filterHeight, filterWidth, inChannels }: Geometry): number => filterHeight * filterWidth * inChannels

/** Calls `body` for blocks of output pixels, each with its patches' place. */
function forBlocks(
  { heap }: WasmTools,
  geometry: Geometry,
  body: (patches: number, first: number, count: number) => void,
): void {
  const pixels = pixelsOf(geometry)
  const depth = depthOf(geometry)
  const block = Math.min(pixels, Math.max(16, 4 * Math.floor(blockFloats / depth / 4)))
  const patches = heap.buffer('patches', block * depth + 4)
  for (let first = 0; first < pixels; first += block) body(patches, first, Math.min(block, pixels - first))
}

function movePatches(
  { functions }: WasmTools,
  direction: 'gather' | 'scatter',
  geometry: Geometry,
  images: number,
  patches: number,
  first: number,
  count: number,
): void {
  const move = direction === 'gather' ? functions.gatherPatches : functions.scatterPatches
  move(
    images,
    patches,
    geometry.inHeight,
    geometry.inWidth,
    geometry.inChannels,
    geometry.filterHeight,
    geometry.filterWidth,
    geometry.strideHeight,
    geometry.strideWidth,
    geometry.padInfo.top,
    geometry.padInfo.left,
    geometry.outHeight,
    geometry.outWidth,
    first,
    count,
  )
}

function convolve(
  tools: WasmTools,
  x: TensorInfo,
  filter: TensorInfo,
  bias: TensorInfo,
  attributes: ConvAttributes,
): TensorInfo {
  const { heap, functions } = tools
  const geometry = geometryOf(x.shape, filter.shape, attributes)
  const depth = depthOf(geometry)
  const columns = geometry.outChannels
  const out = heap.output(geometry.outShape)
  const images = heap.address(x)
  const results = heap.address(out)
  const packed = pack(tools, heap.address(filter), depth, columns)
  const packedBias = packBias(tools, bias)
  const multiply = (rows: number, first: number, count: number): void =>
    functions.multiply(
      rows,
      4 * depth,
      packed,
      results + 4 * first * columns,
      4 * columns,
      count,
      columns,
      depth,
      packedBias,
      Number(attributes.relu),
    )
  if (isPointwise(geometry)) multiply(images, 0, pixelsOf(geometry))
  else {
    forBlocks(tools, geometry, (patches, first, count) => {
      movePatches(tools, 'gather', geometry, images, patches, first, count)
      multiply(patches, first, count)
    })
  }
  return out
}

function inputGradient(
  tools: WasmTools,
  dy: TensorInfo,
  filter: TensorInfo,
  attributes: ConvInputAttributes,
): TensorInfo {
  const { heap, functions } = tools
  const geometry = geometryOf(attributes.inputShape, filter.shape, attributes)
  const depth = depthOf(geometry)
  const channels = geometry.outChannels
  const pointwise = isPointwise(geometry)
  const out = heap.output(attributes.inputShape, !pointwise)
  const images = heap.address(out)
  const gradients = heap.address(dy)
  const packed = pack(tools, heap.address(filter), channels, depth, true)
  const multiply = (patches: number, first: number, count: number): void =>
    functions.multiply(
      gradients + 4 * first * channels,
      4 * channels,
      packed,
      patches,
      4 * depth,
      count,
      depth,
      channels,
      0,
      0,
    )
  if (pointwise) multiply(images, 0, pixelsOf(geometry))
  else {
    forBlocks(tools, geometry, (patches, first, count) => {
      multiply(patches, first, count)
      movePatches(tools, 'scatter', geometry, images, patches, first, count)
    })
  }
  return out
}

function filterGradient(tools: WasmTools, x: TensorInfo, dy: TensorInfo, attributes: ConvFilterAttributes): TensorInfo {
  const { heap, functions } = tools
  const geometry = geometryOf(x.shape, attributes.filterShape, attributes)
  const depth = depthOf(geometry)
  const channels = geometry.outChannels
  const pointwise = isPointwise(geometry)
  const out = heap.output(attributes.filterShape, true)
  const images = heap.address(x)
  const gradients = heap.address(dy)
  const results = heap.address(out)
  forBlocks(tools, geometry, (buffer, first, count) => {
    const patches = pointwise ? images + 4 * first * depth : buffer
    if (!pointwise) movePatches(tools, 'gather', geometry, images, patches, first, count)
    functions.multiplyTransposed(
      patches,
      4 * depth,
      pack(tools, gradients + 4 * first * channels, count, channels),
      results,
      4 * channels,
      depth,
      channels,
      count,
    )
  })
  return out
}

export function convolutionKernels(tools: WasmTools): Readonly<Record<string, KernelFunc>> {
  const { heap, functions } = tools
  return {
    [kernelNames.conv]({ inputs, attrs }) {
      const { x, filter, bias } = inputs as Record<string, TensorInfo>
      return convolve(tools, x, filter, bias, attrs as unknown as ConvAttributes)
    },
    [kernelNames.convInputGradient]({ inputs, attrs }) {
      const { dy, filter } = inputs as Record<string, TensorInfo>
      return inputGradient(tools, dy, filter, attrs as unknown as ConvInputAttributes)
    },
    [kernelNames.convFilterGradient]({ inputs, attrs }) {
      const { x, dy } = inputs as Record<string, TensorInfo>
      return filterGradient(tools, x, dy, attrs as unknown as ConvFilterAttributes)
    },
    [MaxPoolGrad]({ inputs, attrs }) {
      const { dy, input, output } = inputs as Record<string, TensorInfo>
      const { filterSize, strides, pad, dimRoundingMode } = attrs as NamedAttrMap & {
        filterSize: [number, number]
        strides: [number, number]
        pad: 'same' | 'valid' | number
        dimRoundingMode?: 'floor' | 'round' | 'ceil'
      }
      const info = backend_util.computePool2DInfo(input.shape as Shape4D, filterSize, strides, 1, pad, dimRoundingMode)
      const out = heap.output(input.shape, true)
      functions.scatterToMaximum(
        heap.address(input),
        heap.address(output),
        heap.address(dy),
        heap.address(out),
        info.batchSize,
        info.inHeight,
        info.inWidth,
        info.inChannels,
        info.filterHeight,
        info.filterWidth,
        info.strideHeight,
        info.strideWidth,
        info.padInfo.top,
        info.padInfo.left,
        info.outHeight,
        info.outWidth,
      )
      return out
    },
  }
}
