/** What was looked at, how it does, and where it is not well, how to mend it. */
export interface Finding {
  readonly check: string;
  readonly level: "ok" | "warning" | "fault";
  readonly says: string;
  readonly mend?: string;
}

export const ok = (check: string, says: string): Finding => ({ check, level: "ok", says });
export const warning = (check: string, says: string, mend: string): Finding => ({
  check,
  level: "warning",
  says,
  mend,
});
export const fault = (check: string, says: string, mend: string): Finding => ({ check, level: "fault", says, mend });

/** An address without its password. */
export const masked = (url: string): string => url.replace(/(\/\/[^/@]*?:)[^/]*@/, "$1***@");
