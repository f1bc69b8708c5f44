// SPDX-License-Identifier: Apache-2.0
import { render } from 'preact';
import { App } from './app';
import './style/base.css';
import './style/parts.css';
import './style/views.css';
import './style/small.css';
import { startAddress } from './state/address';
import { startKeys } from './state/keys';
import { client } from './state/server';

startAddress();
startKeys();
client.mount();
const page = document.getElementById('page');
if (page) render(<App />, page);
