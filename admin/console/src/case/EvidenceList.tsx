import type { Evidence, Letter } from "../api/types";
import { useTexts } from "../language";
import { Time } from "../parts/Time";
import { wordFor } from "../texts";

/** The signed records of a letter's steps, folded away until somebody wants proof. */
export function EvidenceList({ letter }: { letter: Letter }) {
  const texts = useTexts();
  if (letter.evidence.length === 0) return null;
  return (
    <details className="evidence">
      <summary>
        {texts.evidence(letter.evidence.length)}
        <span className="unseen">{texts.evidenceOf(letter.title)}</span>
      </summary>
      <ol>
        {letter.evidence.map((piece) => (
          <Piece key={piece.id} piece={piece} copy={letter.copyOf !== null} />
        ))}
      </ol>
    </details>
  );
}

function Piece({ piece, copy }: { piece: Evidence; copy: boolean }) {
  const texts = useTexts();
  const step = copy && piece.step === "signed" ? "read" : piece.step;
  return (
    <li>
      <p>
        <strong>{wordFor(texts.evidenceSteps, step)}</strong> <Time at={piece.at} />
        {!piece.positive && <span className="tag tag-bad">{texts.evidenceNegative}</span>}
      </p>
      <dl className="proof">
        <dt>{texts.record}</dt>
        <dd>
          <code>{JSON.stringify(piece.record)}</code>
        </dd>
        <dt>{texts.signature}</dt>
        <dd>
          <code>{piece.signature}</code>
        </dd>
      </dl>
    </li>
  );
}
