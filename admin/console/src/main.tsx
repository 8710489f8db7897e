import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { App } from "./App";
import { Broken } from "./parts/Broken";
import "./styles.css";

const root = document.getElementById("root");
if (root)
  createRoot(root).render(
    <StrictMode>
      <Broken>
        <App />
      </Broken>
    </StrictMode>,
  );
