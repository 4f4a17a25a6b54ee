import type { EChartsOption } from 'echarts/types/dist/shared'
import type { ColourTokens } from '../theme/tokens.ts'

/** Single quotes: the list also stands in attributes of SVG files. */
export const chartFont =
  "Inter, 'Segoe UI', system-ui, -apple-system, 'Helvetica Neue', 'Open Sans', 'Noto Sans', 'PingFang SC', 'Microsoft YaHei', 'Noto Sans CJK SC', 'Noto Sans SC', sans-serif"

/** What all charts share: quiet axes, no HTML tooltip (the content policy forbids its inline styles), a description for screen readers. */
export function baseOption(colours: ColourTokens, description: string): EChartsOption {
  return {
    animation: false,
    backgroundColor: 'transparent',
    textStyle: { fontFamily: chartFont, fontSize: 12, color: colours.text },
    aria: { enabled: true, label: { enabled: true, description } },
    tooltip: {
      renderMode: 'richText',
      backgroundColor: colours.surface,
      borderColor: colours.line,
      borderWidth: 1,
      padding: [6, 10],
      textStyle: { color: colours.text, fontSize: 12, fontFamily: chartFont },
      confine: true,
      transitionDuration: 0,
    },
  }
}

export function valueAxisStyle(colours: ColourTokens) {
  return {
    axisLine: { show: true, lineStyle: { color: colours.chartAxis } },
    axisTick: { show: true, lineStyle: { color: colours.chartAxis }, length: 4 },
    axisLabel: { color: colours.muted, fontSize: 11 },
    splitLine: { show: true, lineStyle: { color: colours.chartGrid } },
    nameTextStyle: { color: colours.muted, fontSize: 11 },
  }
}

export function categoryAxisStyle(colours: ColourTokens) {
  return {
    axisLine: { show: false },
    axisTick: { show: false },
    axisLabel: { color: colours.text, fontSize: 12 },
    splitLine: { show: false },
  }
}
