-- The name of the organization, under the key that the rest of the product uses.
update setting
set key = 'organization'
where key = 'organisation';
