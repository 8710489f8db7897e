/** Dates and spans as people in Asia/Shanghai read them, wherever the browser stands. */

import type { Language } from "./language";
import type { Texts } from "./texts";

const ZONE = "Asia/Shanghai";
const MINUTE = 60_000;
const DAY_MINUTES = 24 * 60;

const locale = (language: Language): string => (language === "en" ? "en-GB" : "zh-CN");

export function formatTime(iso: string, language: Language): string {
  return new Intl.DateTimeFormat(locale(language), {
    timeZone: ZONE,
    year: "numeric",
    month: language === "en" ? "short" : "2-digit",
    day: "2-digit",
    hour: "2-digit",
    minute: "2-digit",
    hourCycle: "h23",
  }).format(new Date(iso));
}

export function formatDate(instant: Date, language: Language): string {
  return new Intl.DateTimeFormat(locale(language), {
    timeZone: ZONE,
    year: "numeric",
    month: language === "en" ? "short" : "long",
    day: "numeric",
  }).format(instant);
}

/** The last day before `date`, as its reader says it; `date` is a day in Asia/Shanghai. */
export const formatLastDay = (date: string, language: Language): string =>
  formatDate(new Date(new Date(`${date}T00:00:00+08:00`).getTime() - MINUTE), language);

/** A due instant is exclusive: one at midnight is said as the end of the day before it. */
export function formatDue(iso: string, language: Language, texts: Texts): string {
  const due = new Date(iso);
  const clock = new Intl.DateTimeFormat("en-GB", { timeZone: ZONE, timeStyle: "medium" }).format(due);
  if (clock !== "00:00:00") return texts.before(formatTime(iso, language));
  return texts.endOfDay(formatDate(new Date(due.getTime() - MINUTE), language));
}

/** How far `iso` is from `now`: `late` when it has passed. */
export function distance(
  iso: string,
  now: Date,
  texts: Texts,
): { late: boolean; text: string; minutes: number } {
  const minutes = Math.floor((new Date(iso).getTime() - now.getTime()) / MINUTE);
  const whole = Math.abs(minutes);
  const span = texts.span(
    Math.floor(whole / DAY_MINUTES),
    Math.floor((whole % DAY_MINUTES) / 60),
    whole % 60,
  );
  const late = minutes < 0;
  return { late, minutes, text: late ? texts.overdueBy(span) : texts.remaining(span) };
}
