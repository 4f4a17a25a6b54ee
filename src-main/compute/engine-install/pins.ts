/** Exactly which libraries are installed, and where they come from. */
import { nativeFiles } from './folders.ts'

interface Pinned {
  readonly bytes: number
  readonly sha256: string
}

/** An archive at a fixed address, or one that a package index of PyPI's kind knows the address of. */
export type ArchiveSource = Pinned & { readonly title: string } & (
    | { readonly kind: 'address'; readonly url: string }
    | { readonly kind: 'index'; readonly project: string; readonly fileName: string }
  )

export interface LibraryPins {
  /** By their names, in whatever folder of the archive. */
  readonly files: Readonly<Record<string, Pinned>>
  /** The lightest first; the next is tried where one can't be reached. */
  readonly sources: readonly ArchiveSource[]
}

/** TensorFlow 2.21.0 for the processor; both archives hold the same two files. */
export const nativePins: LibraryPins = {
  files: {
    [nativeFiles.library]: {
      bytes: 788_086_608,
      sha256: '6505a4b9657e62100c6bdacb683957a395cb047725042945aaa50e40a71e429e',
    },
    [nativeFiles.framework]: {
      bytes: 65_222_328,
      sha256: 'f060b323b26ef80add21b9df9428de3aeaf2843d772c5bb098745f7abff3709b',
    },
  },
  sources: [
    {
      kind: 'address',
      title: 'Maven Central',
      url: 'https://repo1.maven.org/maven2/org/tensorflow/tensorflow-core-native/1.2.0/tensorflow-core-native-1.2.0-linux-x86_64.jar',
      bytes: 192_265_303,
      sha256: 'e6fc5afb04092f3427408f1947ec1e5832ed196009acfc088b4d38a516b708bd',
    },
    {
      kind: 'index',
      title: 'the Python package index',
      project: 'tensorflow-cpu',
      fileName: 'tensorflow_cpu-2.21.0-cp310-cp310-manylinux_2_27_x86_64.whl',
      bytes: 273_601_549,
      sha256: 'd143e92f5c0661cdfa26eaca8f73cd2efd0ec53a68af8dec82f584ba8eb14b83',
    },
  ],
}
