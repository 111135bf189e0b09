// Of a long list only what is in view is drawn: its blocks keep their height, and fill when they come near.

import { html, Component } from "../../vendored/htm-preact-3.1.1.js";

const NEAR_PX = 600;

export class Seen extends Component {
  constructor() {
    super();
    this.state = { near: false, height: 0 };
  }
  componentDidMount() {
    this.watch = new IntersectionObserver(([entry]) => this.setState({ near: entry.isIntersecting, height: this.state.near ? entry.boundingClientRect.height : this.state.height }), { rootMargin: `${NEAR_PX}px` });
    this.watch.observe(this.part);
  }
  componentWillUnmount() {
    this.watch.disconnect();
  }
  render({ about_px, draw }, { near, height }) {
    return html`<div ref=${(part) => (this.part = part ?? this.part)} style=${near ? {} : { height: `${height || about_px}px` }}>${near ? draw() : null}</div>`;
  }
}

// Blocks of so many rows.
export const blocks = (rows, each) => Array.from({ length: Math.ceil(rows.length / each) }, (_, i) => rows.slice(i * each, (i + 1) * each));
