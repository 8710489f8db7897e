import { Alert, Button } from "antd";
import type { Problem } from "../api/problem";
import { useTexts } from "../language";

/** What went wrong and what to do about it, beside what was tried. */
export function ProblemNote({ problem, onRetry }: { problem: Problem; onRetry?: () => void }) {
  const texts = useTexts();
  return (
    <Alert
      type="error"
      showIcon
      role="alert"
      title={problem.message}
      description={
        <dl className="problem">
          {problem.remedy && (
            <>
              <dt>{texts.remedy}</dt>
              <dd>{problem.remedy}</dd>
            </>
          )}
          {problem.where && (
            <>
              <dt>{texts.where}</dt>
              <dd>{problem.where.startsWith("/") ? <code>{problem.where}</code> : problem.where}</dd>
            </>
          )}
          <dt>{texts.code}</dt>
          <dd>
            <code>{problem.code}</code>
          </dd>
        </dl>
      }
      action={onRetry && <Button onClick={onRetry}>{texts.retry}</Button>}
    />
  );
}

/** A page whose content could not be had. */
export function ErrorView({ problem, onRetry }: { problem: Problem; onRetry?: () => void }) {
  const texts = useTexts();
  return (
    <section className="page" aria-labelledby="error-title">
      <h1 id="error-title">{texts.errorTitle}</h1>
      <ProblemNote problem={problem} {...(onRetry ? { onRetry } : {})} />
    </section>
  );
}
