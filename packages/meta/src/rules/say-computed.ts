import type { Report } from "../report.ts";

export const sayComputed = (path: string, report: Report): void =>
  report.say(
    path,
    "a formula is computed: nobody can be required to give it",
    "公式由系统计算，不能设为必填",
    "公式由系統計算，不能設為必填",
  );
