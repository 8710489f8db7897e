import type { ThemeConfig } from "antd";

/** Light and official: one blue, square-ish corners, quiet greys. Figures line up through styles.css. */
export const theme: ThemeConfig = {
  token: {
    colorPrimary: "#1d4f91",
    colorLink: "#1d4f91",
    colorInfo: "#1d4f91",
    colorError: "#b3261e",
    colorWarning: "#9a5b00",
    colorSuccess: "#1f6f43",
    colorInfoBg: "#eef3fa",
    colorErrorBg: "#fdf1f0",
    colorErrorBorder: "#e6b3af",
    colorWarningBg: "#fdf6ea",
    colorWarningBorder: "#e3c793",
    colorSuccessBg: "#eef7f1",
    colorSuccessBorder: "#acd4bd",
    colorTextPlaceholder: "#6b7480",
    colorTextDescription: "#5b6675",
    borderRadius: 4,
    fontSize: 15,
    fontFamily:
      '-apple-system, "Segoe UI", "PingFang SC", "Microsoft YaHei", "Noto Sans SC", "Noto Sans CJK SC", sans-serif',
    fontFamilyCode: '"SFMono-Regular", Consolas, "Noto Sans Mono CJK SC", monospace',
  },
};
