/** Branded identifiers, so that a run's id can't be handed over where a study's is meant. */
declare const brand: unique symbol
export type Branded<T, Name extends string> = T & { readonly [brand]: Name }

export type DatasetId = Branded<string, 'DatasetId'>
export type SplitId = Branded<string, 'SplitId'>
export type ForgetSetId = Branded<string, 'ForgetSetId'>
export type StudyId = Branded<string, 'StudyId'>
export type RunId = Branded<string, 'RunId'>
export type TagId = Branded<string, 'TagId'>

/** Lower-case hex SHA-256 of an object's bytes: its name in the object store. */
export type ObjectHash = Branded<string, 'ObjectHash'>
/** Lower-case hex SHA-256 of a stage's kind, version, parameters, seed, engine and inputs. */
export type StageKey = Branded<string, 'StageKey'>

/** An index into a data set's samples, 0 .. sampleCount - 1: the sample's identity everywhere. */
export type SampleIndex = number
