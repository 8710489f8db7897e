import { LockOutlined } from "@ant-design/icons";
import { Button } from "antd";
import type { Letter } from "../api/types";
import { useTexts } from "../language";
import { Facts } from "../parts/Facts";
import { Due, Time } from "../parts/Time";
import { type Texts, wordFor } from "../texts";
import { DocumentLink } from "./DocumentLink";
import { EvidenceList } from "./EvidenceList";

interface Props {
  letters: Letter[];
  /** Asks the reader why, where documents open only then. */
  onReveal?: () => void;
}

export function Letters({ letters, onReveal }: Props) {
  const texts = useTexts();
  if (letters.length === 0) return <p className="quiet">{texts.noLetters}</p>;
  // A copy whose original this organ may not see stands for itself.
  const seen = new Set(letters.map(({ id }) => id));
  const originals = letters.filter(({ copyOf }) => copyOf === null || !seen.has(copyOf));
  return (
    <ul className="letters">
      {originals.map((letter) => (
        <li key={letter.id} className="letters">
          <LetterCard letter={letter} onReveal={onReveal} />
          <Copies copies={letters.filter(({ copyOf }) => copyOf === letter.id)} onReveal={onReveal} />
        </li>
      ))}
    </ul>
  );
}

/** A letter's copies, folded but for the one that waits for this person. */
function Copies({ copies, onReveal }: { copies: Letter[]; onReveal: Props["onReveal"] }) {
  const texts = useTexts();
  if (copies.length === 0) return null;
  return (
    <ul className="copies">
      {copies.map((copy) => (
        <li key={copy.id}>
          <details open={copy.maySign}>
            <summary>
              {texts.copyTo(copy.to.name)} · {stateOf(copy, texts)}
            </summary>
            <LetterCard letter={copy} onReveal={onReveal} />
          </details>
        </li>
      ))}
    </ul>
  );
}

/** How far a letter has come; a copy is read where an original is signed for. */
const stateOf = ({ state, copyOf }: Letter, texts: Texts): string =>
  wordFor(texts.letterStates, copyOf && state === "signed" ? "read" : state);

function LetterCard({ letter, onReveal }: { letter: Letter; onReveal: Props["onReveal"] }) {
  const texts = useTexts();
  const to = [letter.to.name, letter.department].filter(Boolean).join(" · ");
  return (
    <div className="letter">
      <h3>
        {letter.title}
        {letter.copyOf && <span className="tag">{texts.copy}</span>}
        <span className={`tag letter-${letter.state}`}>{stateOf(letter, texts)}</span>
      </h3>
      <Facts
        facts={[
          [texts.number, letter.number ?? ""],
          [texts.from, letter.from.name],
          [texts.to, to],
          [texts.role, letter.role],
          [texts.basis, letter.basis],
          [texts.replyBy, letter.replyBy && <Due at={letter.replyBy} settled={letter.repliedAt !== null} />],
        ]}
      />
      <Steps letter={letter} />
      <div className="letter-foot">
        {letter.documentUrl && onReveal && (
          <Button type="link" size="small" icon={<LockOutlined aria-hidden />} onClick={onReveal}>
            {texts.revealPdf}
            <span className="unseen">{texts.openPdfOf(letter.title)}</span>
          </Button>
        )}
        {letter.documentUrl && !onReveal && <DocumentLink letter={letter} url={letter.documentUrl} />}
        <EvidenceList letter={letter} />
      </div>
    </div>
  );
}

/** How far the letter has come: each step with its time, those to come without. */
function Steps({ letter }: { letter: Letter }) {
  const texts = useTexts();
  const names = texts.letterStates;
  const steps: [string, string | null][] = [
    [names.accepted, letter.acceptedAt],
    [names.delivered, letter.deliveredAt],
    [letter.copyOf ? names.read : names.signed, letter.signedAt],
    // Nobody answers a copy.
    ...(letter.copyOf ? [] : [[names.replied, letter.repliedAt] satisfies [string, string | null]]),
  ];
  return (
    <ol className="steps">
      {steps.map(([name, at]) => (
        <li key={name} className={at ? "step-done" : "step-open"}>
          <span>{name}</span>
          {at ? <Time at={at} /> : <span className="quiet">—</span>}
        </li>
      ))}
    </ol>
  );
}
