import { app } from "../app.ts";

export default app({ folder: "console", base: "/console/", port: 5173 });
