/** How a chart gives its picture. */
export interface PictureSource {
  png(): Promise<Blob>
  svg(): string
}
