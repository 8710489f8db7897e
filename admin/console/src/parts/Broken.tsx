import { Component, type ReactNode } from "react";
import { en, zh } from "../texts";

/** Catches what a page throws, so that a fault of ours is a sentence and not a white screen. */
export class Broken extends Component<{ children: ReactNode }, { broken: boolean }> {
  override state = { broken: false };

  static getDerivedStateFromError(): { broken: boolean } {
    return { broken: true };
  }

  override render(): ReactNode {
    if (!this.state.broken) return this.props.children;
    // The language provider may itself be what broke.
    const texts = document.documentElement.lang === "en" ? en : zh;
    return (
      <main className="page" role="alert">
        <h1>{texts.brokenPage}</h1>
        <p>{texts.brokenPageRemedy}</p>
      </main>
    );
  }
}
