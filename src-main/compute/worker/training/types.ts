/** The tensor side's inner contract: what trainers, methods and stage runners hand to each other. Types only. */
import type { Tensor, Tensor1D, Tensor2D, Tensor4D, Variable } from '@tensorflow/tfjs-core'
import type { Augmentation, Recipe } from '#shared/domain/study.ts'
import type { DataParams, StageProgress, UnlearnInput } from '../../stages.ts'
import type { Views } from '../data/augment.ts'
import type { Engine } from '../engines/engine.ts'

/** Named float32 arrays in a fixed order: weights, optimizer state, checkpoints. */
export type NamedArrays = Readonly<Record<string, { readonly shape: readonly number[]; readonly data: Float32Array }>>

/** A data set's pixels, read once per worker; batches are gathered without per-sample objects. */
export interface PixelFeed {
  readonly data: DataParams
  /** Images of the whole data set. */
  readonly sampleCount: number
  /**
   * float32 [n, h, w, c], normalised with D's mean and std. The caller disposes. Noise: Gaussian, sd per row in units of
   * the normalised input's std. Views: how each row is augmented; training alone has any.
   */
  batch(
    samples: ArrayLike<number>,
    noise?: { readonly sigma: Float32Array; readonly normals: () => number },
    views?: Views,
  ): Tensor4D
  /** uint8 [h, w, c] of one image: a view, not a copy. */
  pixels(sample: number): Uint8Array
  /** The same feed with other pixels for some samples (sample -> uint8 [h, w, c]). */
  replacing(replaced: ReadonlyMap<number, Uint8Array>): PixelFeed
}

/** Pixels and labels. */
export interface ImageFeed extends PixelFeed {
  /** Label of every sample of the data set. */
  readonly labels: Int32Array
}

export interface Network {
  readonly architecture: string
  readonly classCount: number
  /** Trainable variables, in the order of `architecture`, by name (`conv1/kernel`, `stem.norm/gamma`). */
  readonly variables: ReadonlyMap<string, Variable>
  /**
   * Moving averages of batch norms (`stem.norm/moving_mean`): saved, loaded and checkpointed with the weights, moved by
   * `updateStatistics` alone.
   */
  readonly statistics: ReadonlyMap<string, Variable>
  /** Every layer, each after all that it reads. The last one gives the logits. */
  readonly layerNames: readonly string[]
  /** The layer whose output is the penultimate feature. */
  readonly penultimateLayer: string
  /** First to last; "the last k layers" are the last k of these. */
  readonly learningLayers: readonly LearningLayer[]
  /**
   * Differentiable in the variables and in x. Batch norms go by their moving averages in `eval` (the default: predictions,
   * features, attacks) and by the batch's own statistics in `train`, which gives those to be handed to `updateStatistics`
   * once the step is known to be good. `keep`: names of layers whose outputs are wanted.
   */
  forward(x: Tensor4D, options?: ForwardOptions): ForwardResult
  /** moving = (1 - rate) moving + rate batch, for each of the batch's statistics. */
  updateStatistics(batchStatistics: ForwardResult['batchStatistics'], rate: number): void
  /** A copy of variables and statistics, in the order of `architecture`. */
  save(): Promise<NamedArrays>
  /** Refuses other names or shapes. */
  load(weights: NamedArrays): void
  dispose(): void
}

export interface ForwardOptions {
  readonly mode?: 'train' | 'eval'
  readonly keep?: readonly string[]
}

/** A type and not an interface, so that `tf.tidy` takes it for what it is: a container of tensors. */
export type ForwardResult = {
  readonly logits: Tensor2D
  /** [n, width]: the input of the last layer. */
  readonly penultimate: Tensor2D
  /** Outputs of the layers in `keep`, by name. */
  readonly activations: Readonly<Record<string, Tensor>>
  /** By the name in `statistics` that they go into; empty in `eval` and without batch norm. */
  readonly batchStatistics: Readonly<Record<string, Tensor1D>>
}

/** A convolution or dense layer with the batch norm behind it: what CF-k and EU-k count as one layer. */
export interface LearningLayer {
  readonly name: string
  /** Names in `Network.variables`. */
  readonly variables: readonly string[]
  /** Names in `Network.statistics`. */
  readonly statistics: readonly string[]
}

/** What one training run sees, item by item; an epoch visits every item once in a seeded order. */
export interface TrainingItems {
  /** Sample index of each item; a sample may occur more than once. */
  readonly samples: Int32Array
  /** One of the two: class per item, or a row of target probabilities per item [n * K]. */
  readonly targets: { readonly labels: Int32Array } | { readonly probabilities: Float32Array }
  /** Factor of the cross-entropy with the targets; default 1. At 0 they only say what counts as correct in the curve. */
  readonly targetWeight?: number
  /** Added to the loss: distance to a teacher's prediction. */
  readonly distil?: Distillation
  /** Standard deviation of Gaussian input noise per item, in normalised units; absent: none. */
  readonly noise?: Float32Array
}

/** weight T^2 KL(softmax(teacher / T) || softmax(student / T)), the mean over rows (Hinton et al. 2015). */
export interface Distillation {
  /** softmax(teacher / T) per item [n * K]: the teacher is fixed, so it is asked once. */
  readonly probabilities: Float32Array
  readonly temperature: number
  readonly weight: number
}

/** A part of an epoch that visits its items once, in an order of its own. */
export interface TrainingPass {
  readonly items: TrainingItems
  /** Default: the plan's. */
  readonly batchSize?: number
  /** Factor of the batch's mean loss; default 1, negative climbs it. */
  readonly weight?: number
  /**
   * A second batch in every step, its loss added: taken in turn from these items, in one seeded order a pass, again and
   * again. At weight 0 it isn't visited at all.
   */
  readonly beside?: { readonly items: TrainingItems; readonly batchSize: number; readonly weight: number }
  /** Factor of the sum of all trained weights' absolute values, added to the loss; default 0. */
  readonly l1?: number
}

/** x 0.1 after 50, 80 and 90 % of the epochs. */
export type Schedule = Recipe['schedule'] | 'steps'

export interface TrainPlan {
  readonly network: Network
  readonly feed: ImageFeed
  /**
   * The same items every epoch, or chosen per epoch (0-based), or an epoch's passes, one after the other. A function must
   * give the same whenever it is asked for the same epoch: it is asked ahead for the number of steps, and again by a
   * resumed training. The curve is that of an epoch's last pass.
   */
  readonly items: TrainingItems | ((epoch: number) => TrainingItems | readonly TrainingPass[])
  readonly epochs: number
  /** Stops after this epoch (1-based), as if it were interrupted: the schedule is that of all `epochs`. */
  readonly until?: number
  readonly batchSize: number
  readonly optimizer: Recipe['optimizer']
  readonly lr: number
  /** Cosine runs to 0 over all steps of this plan. */
  readonly schedule: Schedule
  readonly momentum?: number
  readonly weightDecay?: number
  /** Random views of the images; absent: none. Methods get that of the recipe unless they set it. */
  readonly augment?: Augmentation | undefined
  /**
   * How batch norms behave: `batch` (default) normalises by each batch and moves the averages, `frozen` goes by the
   * averages and leaves them alone, as when training in evaluation mode.
   */
  readonly normalisation?: 'batch' | 'frozen'
  /** An update with a smaller global gradient norm is skipped (Adam turns round-off into full steps). */
  readonly minGradientNorm?: number
  /** Names of the variables that are trained; default: all. The others stay, untouched by weight decay too. */
  readonly trainable?: readonly string[]
  /** By variable, 1 for every weight that may change: the others keep their bits. */
  readonly mask?: ReadonlyMap<string, Uint8Array>
  readonly seed: number
  /** Names the random streams (order, noise), so that two plans with one seed don't share draws. */
  readonly stream: string
  /** Weights after these epochs (1-based) are put into `into`; checkpoints carry them, so a resume has them all. */
  readonly keep?: { readonly epochs: readonly number[]; readonly into: Map<number, NamedArrays> }
  /**
   * Called after each epoch (1-based) with the live network, before the epoch's checkpoint. A resumed training
   * doesn't call it again for the epochs before.
   */
  readonly afterEpoch?: (epoch: number, network: Network) => void | Promise<void>
  /** Share of the stage's progress this plan covers, for methods of several phases: [from, to], default [0, 1]. */
  readonly progress?: readonly [number, number]
  /** Epochs of the stage's earlier phases: added to the epoch of curve points, so that none has another's number. */
  readonly firstEpoch?: number
  /** Write and restore checkpoints through the stage's slot, under `stream` as the phase. */
  readonly checkpoints?: CheckpointSlot
}

/**
 * Where a stage keeps its place. One slot a stage; `phase` tells several trainings of a stage apart. The slot holds the
 * last checkpoint of every phase, so a resumed stage walks through its finished phases without training them again.
 */
export interface CheckpointSlot {
  load(phase: string): Promise<TrainingCheckpoint | null>
  /** Durable when it resolves; the event goes out as StageProgress. */
  save(checkpoint: TrainingCheckpoint): Promise<StageProgress>
}

export interface TrainingCheckpoint {
  readonly phase: string
  /** Epochs done. */
  readonly epoch: number
  readonly step: number
  readonly weights: NamedArrays
  readonly optimizer: NamedArrays
  /** Weights kept of earlier epochs, by epoch. */
  readonly kept: ReadonlyMap<number, NamedArrays>
  /** JSON: curve and cost so far. Random streams are made anew from seed, stream and epoch, so they have no state here. */
  readonly state: unknown
}

export interface StageContext {
  readonly seed: number
  readonly signal: AbortSignal
  readonly engine: Engine
  /** Ledger: add every pass through a network. `seconds`: spent before an interruption on what isn't done again. */
  count(cost: { readonly forward?: number; readonly backward?: number; readonly seconds?: number }): void
  /**
   * Throws AppError('cancelled') when aborted, and gives the event loop a turn when it had none for some 30 ms. Costs
   * next to nothing in between, so call it at every step.
   */
  breathe(): Promise<void>
}

/** What an unlearning method gets. There is no gold here, and no way to ask for one. */
export interface UnlearnContext extends StageContext {
  readonly data: DataParams
  readonly recipe: Recipe
  readonly feed: ImageFeed
  /** M_u in the making: holds M_o's weights at the start. */
  readonly network: Network
  /**
   * Another network of the same architecture: zeros (to be loaded), or the initial weights of a seed; on request with
   * another number of classes. The caller disposes.
   */
  createNetwork(options?: { readonly seed?: number; readonly classCount?: number }): Promise<Network>
  readonly forget: Int32Array
  readonly retain: Int32Array
  /** H_c where the method needs the twin or its samples, else empty. */
  readonly twin: Int32Array
  /** 1 = easy, 0 = hard, in the order of `forget`; null for methods without. */
  readonly easy: Uint8Array | null
  /** 1 = too near to the threshold to be labelled, in the order of `forget`; null: all are labelled. */
  readonly abstained: Uint8Array | null
  /** Weights by input name (`original`, `twinModel`, `epoch-2`); refuses names that aren't declared. */
  weights(input: UnlearnInput): NamedArrays
  readonly checkpoints: CheckpointSlot
  train(plan: TrainPlan): AsyncGenerator<StageProgress, void>
  /** Gradients of the items' mean cross-entropy, batch by batch in their order, counted as visits in both directions. */
  gradients(network: Network, items: LabelledSamples, batchSize: number): AsyncGenerator<BatchGradient, void>
  /** Logits [n, K] of samples under an L-infinity attack on `network`; every step is a visit in both directions. */
  attack(network: Network, samples: Int32Array, attack: Attack): Promise<Float32Array>
  /** Logits and penultimate features in batches, counted as forward visits. Row-major float32. */
  predict(
    network: Network,
    samples: Int32Array,
  ): Promise<{ readonly logits: Float32Array; readonly penultimate: Float32Array; readonly width: number }>
}

/** Samples under labels, which need not be their own. */
export interface LabelledSamples {
  readonly samples: Int32Array
  readonly labels: Int32Array
}

export interface BatchGradient {
  readonly rows: number
  /** Rows of this batch and those before. */
  readonly done: number
  /** By variable; the mean over the batch's rows. */
  readonly gradients: ReadonlyMap<string, Float32Array>
}

/** Steps along the sign of the input's gradient, up the loss (FGSM with one step, PGD with several). */
export interface Attack {
  /** Radius of the ball in units of [0, 1] images. */
  readonly epsilon: number
  readonly steps: number
  /** In the same units; default: a third of the radius. */
  readonly stepSize?: number
  /** Rounds the result to the 256 values that a stored pixel can have. */
  readonly discrete?: boolean
}
