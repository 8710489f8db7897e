/** What people write for a date, as YYYY-MM-DD: 20120220, 2012/2/20, 2012.2.20, 2012年2月20日. Else as it is. */
export function asDate(text: string): string {
  const parts = /^(\d{4})(?:\s*[-/.年]\s*(\d{1,2})\s*[-/.月]\s*(\d{1,2})\s*日?|(\d{2})(\d{2}))$/.exec(
    text.trim(),
  );
  if (!parts) return text.trim();
  const [, year, month = parts[4], day = parts[5]] = parts;
  return [year, month?.padStart(2, "0"), day?.padStart(2, "0")].join("-");
}
