/**
 * NVIDIA's libraries that TensorFlow 2.21.0 loads on a GPU, from NVIDIA's own packages on the Python package index. Only the
 * files named here are kept.
 *
 * cuDNN stays at 9.10, the last one for GPUs before Turing (Pascal, Volta); TensorFlow takes 9.3 or newer. The others are
 * the newest of CUDA 12.
 *
 * Left out of what `tensorflow[and-cuda]` names, since nothing here calls it: NCCL (352 MB, several GPUs for one training),
 * the compiler nvcc (41 MB, XLA) and cuRAND (68 MB, no operation of these networks draws numbers on the GPU). Of the
 * packages: cublas without nvblas, cusolver without its multi-GPU half, cufft without its FFTW interface, cupti without its
 * hardware counters, nvrtc without its second copy.
 */
import type { ArchivePins } from './archive-pins.ts'

export const nvidiaPins: readonly ArchivePins[] = [
  {
    title: 'cuDNN 9.10',
    into: 'nvidia/cudnn/lib',
    files: {
      'libcudnn.so.9': {
        bytes: 125_136,
        sha256: '3b68ea689be647bce63cb3c2d9edb589add415405a7e9f296d69ca029cae0b8b',
      },
      'libcudnn_adv.so.9': {
        bytes: 285_226_600,
        sha256: '9814d64e04fce1f6cbd16d02ccefd6611541b3c61736fb450e334b482635ca07',
      },
      'libcudnn_cnn.so.9': {
        bytes: 6_301_096,
        sha256: '655c2d2649466c73b6b4c19705fb6906fd95e331a1f8218314b49f37dd7cafed',
      },
      'libcudnn_engines_precompiled.so.9': {
        bytes: 547_383_096,
        sha256: 'f504745d346542609f975de51227080647d3675eac576ead82c396b8124f8f28',
      },
      'libcudnn_engines_runtime_compiled.so.9': {
        bytes: 23_094_328,
        sha256: '8222672743c4f2e39feb1c365d6f6b6c40f56023471506f49944910847f1ee0a',
      },
      'libcudnn_graph.so.9': {
        bytes: 4_439_912,
        sha256: '787c955dce49091ead850e4536666594095ea9f92a8a08879d8ddad466674657',
      },
      'libcudnn_heuristic.so.9': {
        bytes: 58_726_712,
        sha256: '2804eee5f6fc11d0299ba07687eda0a974d3b2436357c639706c4e282cc2cc05',
      },
      'libcudnn_ops.so.9': {
        bytes: 127_936_080,
        sha256: '34f56d67f3df108949d1e5e03543064e055e217d0f5e53dc6d4f7c9454d852f8',
      },
    },
    sources: [
      {
        kind: 'index',
        title: 'the Python package index',
        project: 'nvidia-cudnn-cu12',
        fileName: 'nvidia_cudnn_cu12-9.10.2.21-py3-none-manylinux_2_27_x86_64.whl',
        bytes: 706_758_467,
        sha256: '949452be657fa16687d0930933f032835951ef0892b37d2d53824d1a84dc97a8',
      },
    ],
  },
  {
    title: 'cuBLAS 12.9',
    into: 'nvidia/cublas/lib',
    files: {
      'libcublas.so.12': {
        bytes: 105_140_976,
        sha256: '9b6997d8ac06badb59b90fd08cb89b1f807576306f6b0d762f3e72000b69d260',
      },
      'libcublasLt.so.12': {
        bytes: 749_169_616,
        sha256: 'fbbf5c66fcc42c4eb6e56a7cb40be3936edbf0d08e757761e95c84afb9606cb6',
      },
    },
    sources: [
      {
        kind: 'index',
        title: 'the Python package index',
        project: 'nvidia-cublas-cu12',
        fileName: 'nvidia_cublas_cu12-12.9.3.13-py3-none-manylinux_2_27_x86_64.whl',
        bytes: 581_217_458,
        sha256: 'd7d51055f161b317c7105ddaae90e71eda059026074ffef93cf7cde2886bfe72',
      },
    ],
  },
  {
    title: 'cuSPARSE 12.5',
    into: 'nvidia/cusparse/lib',
    files: {
      'libcusparse.so.12': {
        bytes: 486_556_368,
        sha256: '6d85ab1acdabfe3b5a54aa76bc948c719bcd03e07eede3eb8122b083c1a6ecf7',
      },
    },
    sources: [
      {
        kind: 'index',
        title: 'the Python package index',
        project: 'nvidia-cusparse-cu12',
        fileName: 'nvidia_cusparse_cu12-12.5.10.65-py3-none-manylinux2014_x86_64.manylinux_2_17_x86_64.whl',
        bytes: 366_465_088,
        sha256: '73060ce019ac064a057267c585bf1fd5a353734151f87472ff02b2c5c9984e78',
      },
    ],
  },
  {
    title: 'cuSOLVER 11.7',
    into: 'nvidia/cusolver/lib',
    files: {
      'libcusolver.so.11': {
        bytes: 302_024_152,
        sha256: '30a1fe2fe22dad7141afaa2878fb6e9d7360b016e164d2153e1f31a46f2a9833',
      },
    },
    sources: [
      {
        kind: 'index',
        title: 'the Python package index',
        project: 'nvidia-cusolver-cu12',
        fileName: 'nvidia_cusolver_cu12-11.7.5.82-py3-none-manylinux_2_27_x86_64.whl',
        bytes: 338_117_415,
        sha256: '15da72d1340d29b5b3cf3fd100e3cd53421dde36002eda6ed93811af63c40d88',
      },
    ],
  },
  {
    title: 'cuFFT 11.4',
    into: 'nvidia/cufft/lib',
    files: {
      'libcufft.so.11': {
        bytes: 291_507_928,
        sha256: 'e1d65ebd08895f9d9883f848f3974f89e0130416252477b18835ba7f15d159bc',
      },
    },
    sources: [
      {
        kind: 'index',
        title: 'the Python package index',
        project: 'nvidia-cufft-cu12',
        fileName: 'nvidia_cufft_cu12-11.4.1.4-py3-none-manylinux2014_x86_64.manylinux_2_17_x86_64.whl',
        bytes: 200_877_592,
        sha256: 'c67884f2a7d276b4b80eb56a79322a95df592ae5e765cf1243693365ccab4e28',
      },
    ],
  },
  {
    title: 'the CUDA run-time compiler 12.9',
    into: 'nvidia/cuda_nvrtc/lib',
    files: {
      'libnvrtc-builtins.so.12.9': {
        bytes: 7_202_760,
        sha256: '6507cf33450cfb22970c2c1e7aa8e7c0a33e39d864720277b05f61a92791e2e8',
      },
      'libnvrtc.so.12': {
        bytes: 106_244_480,
        sha256: '7c67c6b51ea0e0279634cebd676ff7efda1674806444520c84430ad5c35fe625',
      },
    },
    sources: [
      {
        kind: 'index',
        title: 'the Python package index',
        project: 'nvidia-cuda-nvrtc-cu12',
        fileName: 'nvidia_cuda_nvrtc_cu12-12.9.86-py3-none-manylinux2010_x86_64.manylinux_2_12_x86_64.whl',
        bytes: 89_568_129,
        sha256: '210cf05005a447e29214e9ce50851e83fc5f4358df8b453155d5e1918094dcb4',
      },
    ],
  },
  {
    title: 'the CUDA linker 12.9',
    into: 'nvidia/nvjitlink/lib',
    files: {
      'libnvJitLink.so.12': {
        bytes: 95_935_344,
        sha256: '02d3acb5fe598dd20f0fca3cc03734ad164037a22747a01900561a42d0b8448f',
      },
    },
    sources: [
      {
        kind: 'index',
        title: 'the Python package index',
        project: 'nvidia-nvjitlink-cu12',
        fileName: 'nvidia_nvjitlink_cu12-12.9.86-py3-none-manylinux2010_x86_64.manylinux_2_12_x86_64.whl',
        bytes: 39_748_338,
        sha256: 'e3f1171dbdc83c5932a45f0f4c99180a70de9bd2718c1ab77d14104f6d7147f9',
      },
    ],
  },
  {
    title: 'CUPTI 12.8',
    into: 'nvidia/cuda_cupti/lib',
    files: {
      'libcupti.so.12': {
        bytes: 7_595_792,
        sha256: 'fccdc5fcc7c32f8cf4b3ed9b17f7f187a185a6fa0a5bcc06e3434cbd1687c808',
      },
    },
    sources: [
      {
        kind: 'index',
        title: 'the Python package index',
        project: 'nvidia-cuda-cupti-cu12',
        fileName: 'nvidia_cuda_cupti_cu12-12.8.90-py3-none-manylinux2014_x86_64.manylinux_2_17_x86_64.whl',
        bytes: 10_248_621,
        sha256: 'ea0cb07ebda26bb9b29ba82cda34849e73c166c18162d3913575b0c9db9a6182',
      },
    ],
  },
  {
    title: 'the CUDA runtime 12.9',
    into: 'nvidia/cuda_runtime/lib',
    files: {
      'libcudart.so.12': {
        bytes: 741_088,
        sha256: '256e6409e4f06f618e1fb53d4844a6b81cdded1013afa8ade40c22f99eb133b7',
      },
    },
    sources: [
      {
        kind: 'index',
        title: 'the Python package index',
        project: 'nvidia-cuda-runtime-cu12',
        fileName: 'nvidia_cuda_runtime_cu12-12.9.79-py3-none-manylinux2014_x86_64.manylinux_2_17_x86_64.whl',
        bytes: 3_493_179,
        sha256: '25bba2dfb01d48a9b59ca474a1ac43c6ebf7011f1b0b8cc44f54eb6ac48a96c3',
      },
    ],
  },
]
