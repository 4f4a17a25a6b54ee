/** Exactly which libraries are installed, and where they come from. */
import { basename } from 'node:path'
import type { EngineFile, InstallableEngineId } from '#shared/domain/engine.ts'
import type { ArchiveSource, EnginePins } from './archive-pins.ts'
import { libraryFiles } from './folders.ts'
import { nvidiaPins } from './nvidia-pins.ts'

/** TensorFlow 2.21.0 for the processor; both archives hold the same two files. */
const nativePins: EnginePins = [
  {
    title: 'TensorFlow 2.21 for the processor',
    into: '',
    files: {
      [libraryFiles.library]: {
        bytes: 788_086_608,
        sha256: '6505a4b9657e62100c6bdacb683957a395cb047725042945aaa50e40a71e429e',
      },
      [libraryFiles.framework]: {
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
  },
]

/** TensorFlow 2.21.0 for NVIDIA GPUs, and what it loads there. */
const cudaPins: EnginePins = [
  {
    title: 'TensorFlow 2.21 for NVIDIA GPUs',
    into: 'tensorflow',
    files: {
      [libraryFiles.library]: {
        bytes: 1_096_372_272,
        sha256: '2889ecc99d7641620f41a4bea538f4dd4b626f75aa3e12623161ae939054191c',
      },
      [libraryFiles.framework]: {
        bytes: 162_648_808,
        sha256: '98847c6f0448308159f6d3ff55e13a9e92978598c7fbb34cde63aadf35c6fe84',
      },
    },
    sources: [
      {
        kind: 'address',
        title: 'Maven Central',
        url: 'https://repo1.maven.org/maven2/org/tensorflow/tensorflow-core-native/1.2.0/tensorflow-core-native-1.2.0-linux-x86_64-gpu.jar',
        bytes: 427_288_061,
        sha256: 'e2de3e68c0bdd4bb23cfd61b28e705fa426f719566c246530b231d13da5f10d9',
      },
      {
        kind: 'index',
        title: 'the Python package index',
        project: 'tensorflow',
        fileName: 'tensorflow-2.21.0-cp310-cp310-manylinux_2_27_x86_64.whl',
        bytes: 572_211_261,
        sha256: '77c6f298e695ea1d283cdd7d30f8d97530cc6e92c1395a9ddbab9771c99233a4',
      },
    ],
  },
  ...nvidiaPins,
]

export const enginePins: Readonly<Record<InstallableEngineId, EnginePins>> = { native: nativePins, cuda: cudaPins }

/** The archive's file name, wherever it comes from. */
export function fileNameOf(source: ArchiveSource): string {
  return source.kind === 'index' ? source.fileName : basename(new URL(source.url).pathname)
}

/** Bytes of the files that are kept. */
export function unpackedBytes(archives: EnginePins): number {
  return archives.flatMap(({ files }) => Object.values(files)).reduce((sum, { bytes }) => sum + bytes, 0)
}

/** What to download on another machine, and how: one file of each archive. */
export function engineFiles(engine: InstallableEngineId): readonly EngineFile[] {
  return enginePins[engine].map(({ title, sources: [source] }) => ({
    title,
    name: fileNameOf(source),
    bytes: source.bytes,
    sha256: source.sha256,
    command:
      source.kind === 'address'
        ? `curl -fLO ${source.url}`
        : `pip download --no-deps --only-binary=:all: --platform manylinux_2_27_x86_64 --platform manylinux2014_x86_64 --platform manylinux2010_x86_64 --python-version 310 ${source.project}==${source.fileName.split('-')[1]}`,
  }))
}
